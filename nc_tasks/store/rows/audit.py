"""The audit log: who did what. Entries are written in the transaction of the deed, and never changed.

They stay, but for those about wrong keys, which strangers cause.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from nc_tasks.store.rows.statements import changed
from nc_tasks.store.tables import AuditEntry
from nc_tasks.store.tables.types import now

WRONG_KEY = "wrong-key"
WRONG_KEYS_KEPT = 10_000


def record(
    session: Session,
    *,
    owner: str,
    key_id: str | None,
    action: str,
    subject: str,
    address: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write an entry. action: a verb; subject: id or digest of what it was done to."""
    session.add(
        AuditEntry(
            created_at=now(session),
            owner=owner,
            key_id=key_id,
            action=action,
            subject=subject,
            address=address,
            detail=dict(detail or {}),
        )
    )


def forget_wrong_keys(session: Session) -> int:
    """Delete all but the newest entries about wrong keys; returns how many."""
    wrong = select(AuditEntry.id).where(AuditEntry.action == WRONG_KEY).order_by(AuditEntry.id.desc())
    last = session.scalar(wrong.offset(WRONG_KEYS_KEPT).limit(1))
    if last is None:
        return 0
    return changed(session, delete(AuditEntry).where(AuditEntry.action == WRONG_KEY, AuditEntry.id <= last))


def page(
    session: Session,
    *,
    before: int | None = None,
    owner: str | None = None,
    subject: str | None = None,
    limit: int,
) -> list[AuditEntry]:
    """Entries with a smaller id than `before` (None: all), newest first."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    for column, wanted in ((AuditEntry.owner, owner), (AuditEntry.subject, subject)):
        if wanted is not None:
            query = query.where(column == wanted)
    return list(session.scalars(query if before is None else query.where(AuditEntry.id < before)))
