"""Requests that were answered under an Idempotency-Key: the same request again gets the same answer."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from nc_tasks.errors import KeyReused
from nc_tasks.store.tables import Idempotency
from nc_tasks.store.tables.types import now

KEPT_DAYS = 7


def recall(session: Session, *, owner: str, key: str, request_sha256: str) -> list[str] | None:
    """What was answered, None the first time; raises KeyReused where something else was asked under the key."""
    row = session.get(Idempotency, (owner, key))
    if row is None:
        return None
    if row.request_sha256 != request_sha256:
        raise KeyReused(f"Idempotency-Key {key!r} was used for another request: choose a new one for each")
    return row.answer


def remember(session: Session, *, owner: str, key: str, request_sha256: str, answer: Sequence[str]) -> None:
    """Keep the answer, in the transaction of what was asked for."""
    row = Idempotency(owner=owner, key=key, request_sha256=request_sha256, answer=list(answer), created_at=now(session))
    session.add(row)
    session.flush()


def forget_old(session: Session) -> None:
    """Drop what was answered more than `KEPT_DAYS` ago."""
    session.execute(delete(Idempotency).where(Idempotency.created_at < now(session) - timedelta(days=KEPT_DAYS)))
