"""Deletes what is no longer wanted: submissions by age, and files that nothing refers to."""

import logging
from collections.abc import Iterable

from nc_tasks.errors import NotFound, WrongState
from nc_tasks.files import ArtefactStore
from nc_tasks.settings import Settings
from nc_tasks.store import LOCAL, Store
from nc_tasks.store.rows import audit, idempotency, page_sessions, removal

log = logging.getLogger(__name__)

JOB_DAYS = 7.0
"""How long a job that has ended is remembered, and with it the files that it was given."""


def collect(store: Store, artefacts: ArtefactStore, settings: Settings, digests: Iterable[str]) -> int:
    """Delete those of the files that nothing refers to; returns how many.

    Young ones stay: whoever has just kept a file, or kept it again, is about to write the row that refers to it.
    """
    asked = set(digests)
    with store.read() as session:
        unused = asked - removal.referenced(session, digests=asked)
    return sum(artefacts.remove(digest, older_than=settings.artefact_grace_seconds) for digest in unused)


def tidy(store: Store, artefacts: ArtefactStore, settings: Settings) -> None:
    """Delete everything that is older than the settings allow, then the files that nobody refers to.

    Of what a crash has left half-written, that of this machine's folder goes.
    """
    artefacts.sweep()
    with store.write() as session:
        idempotency.forget_old(session)
        audit.forget_wrong_keys(session)
        page_sessions.forget_expired(session)
        removal.forget_jobs(session, days=JOB_DAYS)
    expired = 0 if settings.retention_days is None else _expire(store, settings.retention_days)
    removed = collect(store, artefacts, settings, artefacts.digests())
    if expired or removed:
        log.info("%d submissions were too old and are deleted, with %d files", expired, removed)


def _expire(store: Store, days: float) -> int:
    with store.read() as session:
        old = removal.ended_before(session, days=days)
    for submission_id in old:
        try:
            with store.write() as session:
                removal.remove(session, submission_id=submission_id)
                audit.record(
                    session, owner=LOCAL, key_id=None, action="expire", subject=submission_id, detail={"days": days}
                )
        except (NotFound, WrongState):
            continue  # deleted, or tried again, since we looked
    return len(old)
