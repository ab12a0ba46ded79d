"""Repairs: one row per method that is tried on a backdoored model."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from nc_tasks.store.rows import leases
from nc_tasks.store.rows.statements import changed, insert_absent
from nc_tasks.store.tables import Mitigation
from nc_tasks.store.tables.states import MITIGATION_ENDS, MitigationState


def create(session: Session, *, submission_id: str, methods: Iterable[str]) -> int:
    """Queue the methods; those that are there already stay as they are. Returns how many were new."""
    rows = [{"submission_id": submission_id, "method": method} for method in methods]
    return insert_absent(session, Mitigation, rows)


def claim(
    session: Session,
    *,
    submission_id: str,
    method: str,
    worker_id: str,
    lease_seconds: float,
    max_attempts: int,
) -> int | None:
    """Take the repair and return the attempt; None: it has ended (perhaps just now) or a worker has it."""
    return leases.claim(
        session,
        Mitigation,
        (submission_id, method),
        worker_id=worker_id,
        lease_seconds=lease_seconds,
        max_attempts=max_attempts,
    )


def heartbeat(
    session: Session, *, submission_id: str, method: str, attempt: int, lease_seconds: float, progress: float
) -> bool:
    """Renew the lease and write the progress, 0..1; False: the repair is no longer this attempt's, stop."""
    return leases.renew(
        session,
        Mitigation,
        (submission_id, method),
        attempt=attempt,
        lease_seconds=lease_seconds,
        values={"progress": progress},
    )


def finish(
    session: Session,
    *,
    submission_id: str,
    method: str,
    attempt: int,
    state: MitigationState,
    body: dict[str, Any] | None = None,
    goodnet_sha256: str | None = None,
    canonical_sha256: str | None = None,
    guarded_sha256: str | None = None,
    guarded_canonical_sha256: str | None = None,
    triggers_sha256: str | None = None,
    reason: str | None = None,
) -> bool:
    """Write the repair's end; False: it is no longer this attempt's, and nothing was written."""
    if state not in MITIGATION_ENDS:
        raise ValueError(f"{method} cannot end in state {state!r}; the ends are {', '.join(MITIGATION_ENDS)}")
    values: dict[str, Any] = {
        "state": state,
        "progress": 1.0,
        "body": body,
        "goodnet_sha256": goodnet_sha256,
        "canonical_sha256": canonical_sha256,
        "guarded_sha256": guarded_sha256,
        "guarded_canonical_sha256": guarded_canonical_sha256,
        "triggers_sha256": triggers_sha256,
        "reason": reason,
    }
    return leases.finish(session, Mitigation, (submission_id, method), attempt=attempt, values=values)


def of_submission(session: Session, *, submission_id: str) -> list[Mitigation]:
    """The repairs of a submission, by method."""
    query = select(Mitigation).where(Mitigation.submission_id == submission_id).order_by(Mitigation.method)
    return list(session.scalars(query))


def all_terminal(session: Session, *, submission_id: str) -> bool:
    """Whether the submission has repairs and each has ended."""
    rows = of_submission(session, submission_id=submission_id)
    return bool(rows) and all(row.state in MITIGATION_ENDS for row in rows)


def to_compare(session: Session, *, submission_id: str) -> list[Mitigation]:
    """The repairs that are to be compared: those with a net, where there are several and one has not been yet."""
    rows = [row for row in of_submission(session, submission_id=submission_id) if row.goodnet_sha256]
    return rows if len(rows) > 1 and any(not _is_compared(row) for row in rows) else []


def begin_comparison(session: Session, *, submission_id: str) -> int:
    """Count an attempt at comparing the repairs, of which none ends where it kills its process; returns its number."""
    waiting = [row for row in to_compare(session, submission_id=submission_id) if not _is_compared(row)]
    attempt = 1 + max(((row.comparison or {}).get("attempts", 0) for row in waiting), default=0)
    for row in waiting:
        row.comparison = {"attempts": attempt}
    return attempt


def record_comparison(session: Session, *, submission_id: str, found: Mapping[str, dict[str, Any]]) -> None:
    """Write how the repairs (method -> comparison) do against one another; what was written before stays."""
    for row in of_submission(session, submission_id=submission_id):
        if row.method in found and not _is_compared(row):
            row.comparison = found[row.method]


def _is_compared(row: Mitigation) -> bool:
    """Until then it holds nothing, or how often that was tried."""
    return "triggers" in (row.comparison or {})


def keep(session: Session, *, submission_id: str, method: str) -> None:
    """Hand out the GoodNet of this repair."""
    row = update(Mitigation).where(Mitigation.submission_id == submission_id, Mitigation.method == method)
    changed(session, row.values(kept=True))


def made_guarded(session: Session, *, digest: str) -> bool:
    """Whether some repair made the net with this sha256 as its guarded one."""
    return bool(session.scalar(select(exists().where(Mitigation.guarded_sha256 == digest))))
