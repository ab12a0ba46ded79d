"""Batches: submissions that an owner has handed in together, and looks at together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from nc_tasks.errors import NotFound
from nc_tasks.store.rows.statements import insert_absent
from nc_tasks.store.tables import Batch
from nc_tasks.store.tables.types import now

MOST = 200
"""Submissions of one batch."""


@dataclass(frozen=True, kw_only=True)
class Together:
    """A batch in short. submissions: how many are left of it."""

    id: str
    owner: str
    submissions: int
    created_at: datetime


def id_of(owner: str, submission_ids: Sequence[str]) -> str:
    """The batch's id, whatever the order: the same submissions together are the same batch, of each owner another."""
    return sha256(":".join([owner, *sorted(set(submission_ids))]).encode()).hexdigest()[:12]


def make(session: Session, *, owner: str, submission_ids: Sequence[str]) -> str:
    """Make these submissions a batch of the owner's, unless they are one; returns its id."""
    batch_id, moment = id_of(owner, submission_ids), now(session)
    rows = [
        {"id": batch_id, "submission_id": each, "owner": owner, "created_at": moment}
        for each in dict.fromkeys(submission_ids)
    ]
    insert_absent(session, Batch, rows)
    return batch_id


def get(session: Session, *, batch_id: str, owner: str | None = None) -> Together:
    """The batch with this id, of this owner (None: anybody's); raises NotFound."""
    query = select(Batch.owner, func.count(), func.min(Batch.created_at)).where(Batch.id == batch_id)
    found = session.execute(query.group_by(Batch.owner)).first()
    if found is None or owner not in (None, found[0]):
        raise NotFound(f"no batch has the id {batch_id[:80]!r}: it was never made, or all its submissions were deleted")
    return Together(id=batch_id, owner=found[0], submissions=found[1], created_at=found[2])


def members(session: Session, *, batch_id: str) -> list[str]:
    """Ids of its submissions."""
    return list(session.scalars(select(Batch.submission_id).where(Batch.id == batch_id).order_by(Batch.submission_id)))


def latest_with(session: Session, *, submission_id: str) -> Together | None:
    """The newest batch that the submission is in."""
    query = select(Batch.id).where(Batch.submission_id == submission_id).order_by(Batch.created_at.desc()).limit(1)
    batch_id = session.scalar(query)
    return None if batch_id is None else get(session, batch_id=batch_id)
