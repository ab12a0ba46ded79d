"""Finds what was lost and sends it on its way again: `python -m nc_tasks.sweeper`.

Messages, callbacks and workers may vanish; what is to be done stands in SQL. Every few seconds the sweeper looks there:
leases that have run out are queued again, rows without a message get one, a round whose labels have all ended gets its
next step, a submission whose repairs have ended is concluded, what is open of one whose budget is used up is cancelled.
Where nothing is open, one statement tells so. Any number of sweepers may run at once: what one has marked as sent the
others leave alone. It never imports TensorFlow.
"""

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from nc_core.errors import CleanseError
from nc_tasks import workflow
from nc_tasks.files import ArtefactStore, open_artefacts, retention
from nc_tasks.logs import configure
from nc_tasks.messages import broker, publishing
from nc_tasks.messages.app import publish_start
from nc_tasks.settings import Settings, get_settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.queries.measures import SWEEPER
from nc_tasks.store.recovery import clock, expired, quiet
from nc_tasks.store.rows import lifecycle, preparations, workers
from nc_tasks.tracing import trace
from nc_tasks.version import build_version
from nc_tasks.webhooks import Callbacks
from nc_tasks.webhooks.delivering import THREADS

log = logging.getLogger(__name__)

TIDY_SECONDS = 3600.0
"""Time between two deletions of what is old."""
TOLD_IN_A_LEASE = 4
"""How often a sweeper writes in the time of a lease that it looks."""
SILENT_BEATS = 5
"""Heartbeats that a worker whose process is gone must have missed."""
IDLE_BEATS = 2
"""The same of one that holds nothing; its beats come more seldom."""


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What one look has set in motion. requeued: rows of silent workers. sent: messages. steps: of submissions."""

    requeued: int
    sent: int
    steps: int

    def __bool__(self) -> bool:
        return bool(self.requeued or self.sent or self.steps)


def sweep(store: Store, settings: Settings) -> Swept:
    """Look once. Raises what the database or the broker raises where they are away: the next look makes up for it."""
    requeued = _requeue(store, settings)
    workflow.end_spent(store)
    steps = _take_steps(store, settings)
    sent = publishing.send_all(store, patience_seconds=settings.lease_seconds)
    return Swept(requeued=requeued, sent=sent, steps=steps)


def is_quiet(store: Store, settings: Settings) -> bool:
    """Whether a look would find nothing. Raises what the database raises."""
    silent = min(IDLE_BEATS * settings.idle_heartbeat_seconds, settings.lease_seconds)
    with store.read() as session:
        return quiet.is_quiet(session, silent_seconds=silent, lease_seconds=settings.lease_seconds)


def _requeue(store: Store, settings: Settings) -> int:
    """Queue again what silent workers held, or fail it after too many attempts."""
    _follow_the_clock(store, settings)
    with store.read() as session:
        dead = workers.dead(
            session,
            host=socket.gethostname(),
            silent_seconds=SILENT_BEATS * settings.heartbeat_seconds,
            idle_seconds=IDLE_BEATS * settings.idle_heartbeat_seconds,
            lease_seconds=settings.lease_seconds,
        )
        if not dead and not expired.any_expired(session):
            return 0
    with store.write() as session:
        workers.release(session, dead=dead)
        requeued = expired.requeue_expired(session, max_attempts=settings.max_attempts)
        preparations.fail_given_up(session)
    return requeued


def _follow_the_clock(store: Store, settings: Settings) -> None:
    with store.read() as session:
        if not clock.was_set_back(session, lease_seconds=settings.lease_seconds):
            return
    with store.write() as session:
        count = clock.bring_back(session, lease_seconds=settings.lease_seconds)
    log.warning("the database's clock was set back: %d times lay ahead of it and count from now on", count)


def _take_steps(store: Store, settings: Settings) -> int:
    """Have the next step taken of every submission that stands still, its last one being over."""
    with store.read() as session:
        standing = lifecycle.standing(session)
    if not standing:
        return 0
    broker.epoch()  # where it is away nothing may be noted as sent
    taken = 0
    for submission in standing:
        if submission.state == "repairing":
            taken += workflow.conclude(store, submission.id, patience_seconds=settings.lease_seconds)
            continue
        with store.write() as session:
            mine = lifecycle.nudge(session, submission_id=submission.id, patience_seconds=settings.lease_seconds)
        if mine and submission.state == "inverting":
            publishing.publish_gather(submission.id, submission.round)
        elif mine:
            publish_start(submission.id)
        taken += mine
    return taken


class Cleanup:
    """Deletes what is old, once in `TIDY_SECONDS`."""

    def __init__(self, store: Store, artefacts: ArtefactStore, settings: Settings) -> None:
        self._store, self._artefacts, self._settings = store, artefacts, settings
        self._tidied = -TIDY_SECONDS

    def tidy_if_due(self) -> None:
        """Delete where it is time. Raises what the database or the bucket raises."""
        if time.monotonic() - self._tidied >= TIDY_SECONDS:
            self._tidied = time.monotonic()
            retention.tidy(self._store, self._artefacts, self._settings)


def run(settings: Settings) -> None:
    """Look every `sweep_seconds` until the process is ended, whatever is away meanwhile.

    Raises StoreUnusable, ArtefactsUnreachable where it cannot begin.
    """
    store = open_store(settings)
    callbacks, cleanup = Callbacks(store, settings), Cleanup(store, open_artefacts(settings), settings)
    always, due = threading.Event(), threading.Event()
    always.set()
    for work, when in (*repeat((callbacks.deliver, due), THREADS), (cleanup.tidy_if_due, always)):
        threading.Thread(target=_repeat, args=(work, when, settings), name="background", daemon=True).start()
    told = -settings.lease_seconds
    while True:
        swept = None
        try:
            if is_quiet(store, settings):
                due.clear()
            else:
                due.set()
                swept = sweep(store, settings)
            if time.monotonic() - told >= settings.lease_seconds / TOLD_IN_A_LEASE:
                _tell(store)
                told = time.monotonic()
        except (SQLAlchemyError, RedisError, OperationalError, OSError) as error:
            log.warning("not swept, will try again: %s", " ".join(str(error).split()))
        else:
            if swept:
                log.info("%d rows queued again, %d messages sent, %d steps", swept.requeued, swept.sent, swept.steps)
        time.sleep(settings.sweep_seconds)


def _repeat(work: Callable[[], object], when: threading.Event, settings: Settings) -> None:
    """In a thread of its own, while `when` is set: no receiver of callbacks, however slow, delays the work."""
    while True:
        when.wait()
        try:
            work()
        except (SQLAlchemyError, OSError, CleanseError) as error:
            log.warning("background work failed, will try again: %s", " ".join(str(error).split()))
        time.sleep(settings.sweep_seconds)


def _tell(store: Store) -> None:
    """Write that a sweeper has just looked: whoever watches the service sees it stop."""
    host, pid = socket.gethostname(), os.getpid()
    with store.write() as session:
        workers.report(
            session, worker_id=f"{host}:{pid}", queue=SWEEPER, pid=pid, host=host, version=build_version(), slots=1
        )


def main() -> int:
    """Entry point; settings come from the environment. Returns the exit code where it cannot begin."""
    settings = get_settings()
    configure(settings)
    log.info("sweeper runs, pid %d", os.getpid())
    try:
        trace(settings, "sweeper")
        run(settings)
    except CleanseError as error:
        log.error("%s", error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
