"""Whether there is anything to sweep at all, in one statement: most looks of an idle service find nothing."""

from sqlalchemy import Float, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from nc_tasks.store.queries.measures import SWEEPER
from nc_tasks.store.tables import Delivery, Job, Submission, Worker
from nc_tasks.store.tables.states import JOB_ENDS, SUBMISSION_ENDS, SUBMISSION_SOURCES
from nc_tasks.store.tables.types import ClockIn

_OPEN = [state for state in SUBMISSION_SOURCES if state not in SUBMISSION_ENDS]
_ENDED = exists().where(Submission.id == Delivery.submission_id, Submission.state.in_(SUBMISSION_ENDS))
_SILENT, _LEASE_AGO, _LEASE_AHEAD = (
    ClockIn(bindparam(name, type_=Float)) for name in ("silent", "lease_ago", "lease_ahead")
)
_OPEN_OR_UNUSUAL = select(
    or_(
        exists().where(Submission.state.in_(_OPEN)),
        exists().where(Job.state.not_in(JOB_ENDS)),
        exists().where(or_(Delivery.state == "queued", and_(Delivery.state == "waiting", _ENDED))),
        exists().where(and_(Worker.queue != SWEEPER, Worker.last_seen <= _SILENT)),
        # A sweeper's own row; and times that lie ahead, as after the clock was set back.
        exists().where(or_(Worker.last_seen <= _LEASE_AGO, Worker.last_seen > _LEASE_AHEAD)),
    )
)


def is_quiet(session: Session, *, silent_seconds: float, lease_seconds: float) -> bool:
    """Whether no submission, job or callback is open, and every worker was heard of; changes nothing.

    silent_seconds: of a worker, from which on its process is looked for; a sweeper has a whole lease. What is leased
    belongs to a submission or a job that is open.
    """
    seconds = {"silent": -silent_seconds, "lease_ago": -lease_seconds, "lease_ahead": lease_seconds}
    return not session.scalar(_OPEN_OR_UNUSUAL, seconds)
