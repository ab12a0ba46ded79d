"""What a monitor asks for: how much of everything there is, in as few queries as there are tables."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from nc_tasks.store.tables import Detection, Job, Label, Mitigation, Submission, Worker
from nc_tasks.store.tables.types import now

SWEEPER = "sweeper"
"""What the sweeper calls the queue that it serves: its row among the workers says when it last looked."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """The store at one moment; numbers of rows by state, verdict or queue.

    labels: in all rounds. workers: that were heard of lately; slots: of those of the label queue. oldest_seconds: since
    the submission that has waited longest was made. sweeper_seconds: since a sweeper last looked. Both None for none.
    """

    submissions: dict[str, int]
    labels: dict[str, int]
    repairs: dict[str, int]
    jobs: dict[str, int]
    verdicts: dict[str, int]
    workers: dict[str, int]
    slots: int
    oldest_seconds: float | None
    sweeper_seconds: float | None


def measure(session: Session, *, within_seconds: float) -> Measures:
    """Count everything; a worker that was not heard of for `within_seconds` does not count."""
    moment = now(session)
    oldest = session.scalar(select(func.min(Submission.created_at)).where(Submission.state == "queued"))
    heard = session.execute(select(Worker.queue, Worker.slots, Worker.last_seen)).all()
    live = [row for row in heard if (moment - row.last_seen).total_seconds() <= within_seconds]
    swept = max((row.last_seen for row in heard if row.queue == SWEEPER), default=None)
    return Measures(
        submissions=_counted(session, Submission.state),
        labels=_counted(session, Label.state),
        repairs=_counted(session, Mitigation.state),
        jobs=_counted(session, Job.state),
        verdicts=_counted(session, Detection.verdict),
        workers={queue: sum(row.queue == queue for row in live) for queue in {row.queue for row in live}},
        slots=sum(row.slots for row in live if row.queue == "labels"),
        oldest_seconds=_since(moment, oldest),
        sweeper_seconds=_since(moment, swept),
    )


def _counted(session: Session, column: InstrumentedAttribute[str]) -> dict[str, int]:
    rows = session.execute(select(column, func.count().label("number")).group_by(column))
    return {row[0]: row.number for row in rows}


def _since(moment: datetime, then: datetime | None) -> float | None:
    return None if then is None else max(0.0, (moment - then).total_seconds())
