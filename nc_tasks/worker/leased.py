"""A piece of work that this process holds: claimed in the store, kept alive by the heartbeat, and never left open.

What the store calls the work (a preparation, a label, a repair, a job) is up to the caller, who hands in how its row is
claimed, renewed and ended; the order of the steps, and what becomes of an error, are the same for all.
"""

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from nc_core.errors import CleanseError
from nc_tasks import logs
from nc_tasks.errors import ArtefactsUnreachable, one_line
from nc_tasks.worker.heartbeat import Held
from nc_tasks.worker.process import WorkerProcess

log = logging.getLogger(__name__)


class Work:
    """Work that is ours under one attempt.

    attempt: what every write about it names. progress: columns of its row, as the next heartbeat writes them.
    """

    def __init__(self, attempt: int, progress: Mapping[str, Any]) -> None:
        self.attempt, self.progress = attempt, progress
        self._held: Held | None = None

    @property
    def lost(self) -> bool:
        """True when it must stop: it was cancelled or given to another worker, and nothing it writes would count."""
        return self._held is not None and self._held.lost

    def keep(self, held: Held) -> None:
        """Called once the heartbeat has it."""
        self._held = held


def _never() -> bool:
    return False


@contextmanager
def leased(
    worker: WorkerProcess,
    *,
    claim: Callable[..., int | None],
    renew: Callable[..., bool],
    failed: Callable[[Work, Exception], object],
    progress: Mapping[str, Any] | None = None,
    stuck: Callable[[], bool] = _never,
    together: bool = False,
    retried: tuple[type[Exception], ...] = (ArtefactsUnreachable,),
) -> Iterator[Work | None]:
    """Claim a piece of work, and keep its lease alive while the block runs; the block writes its end.

    Args:
        claim: (session, worker_id, lease_seconds, max_attempts) -> the attempt, None where it is not ours to do; the
            block then gets None, and runs all the same.
        renew: (session, attempt, lease_seconds, **progress) -> False where the work is lost.
        failed: writes the end of work whose block has raised; the error goes no further.
        progress: columns to begin with.
        stuck: True when the work will not go on, as for `Heartbeat.hold`.
        together: whether the claim shares a transaction with those of other threads, see `Store.write_together`.
        retried: errors that are nobody's fault, as those of the database always are.

    Raises:
        SQLAlchemyError and those of `retried`: the row stays as it is until its lease runs out, and is tried again.
    """
    settings = worker.settings
    nobodys_fault: tuple[type[Exception], ...] = (SQLAlchemyError, *retried)

    def claimed(session: Session) -> int | None:
        limits = {"lease_seconds": settings.lease_seconds, "max_attempts": settings.max_attempts}
        return claim(session, worker_id=worker.id, **limits)

    attempt = worker.store.write_together(claimed) if together else _alone(worker, claimed)
    logs.note(attempt=attempt)
    if attempt is None:
        yield None
        return
    work = Work(attempt, progress or {})

    def beat(session: Session) -> bool:
        return renew(session, attempt=work.attempt, lease_seconds=settings.lease_seconds, **work.progress)

    try:
        with worker.heartbeat.hold(beat, stuck) as held:
            work.keep(held)
            yield work
    except nobodys_fault:
        raise
    except Exception as error:
        failed(work, error)


def _alone(worker: WorkerProcess, write: Callable[[Session], int | None]) -> int | None:
    with worker.store.write() as session:
        return write(session)


def reason_of(error: Exception, *, of: str) -> str:
    """Why work has failed, as one line; what nobody has foreseen is logged with its traceback. of: what has failed."""
    if isinstance(error, CleanseError):
        return one_line(error)
    log.error("%s: %s", of, "".join(traceback.format_exception(error)))
    return one_line(f"{type(error).__name__}: {error}")
