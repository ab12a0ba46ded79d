"""Who is signed in to the pages: a random text in a cookie, known here by its hash alone, good for a working day.

The text stands for a key and is worth nothing elsewhere: the API does not take it in a header. It ends when it expires,
when its visitor signs out, and with its key.
"""

from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from nc_tasks.store.rows.statements import changed
from nc_tasks.store.tables import ApiKey, PageSession
from nc_tasks.store.tables.types import now

KEPT_SECONDS = 12 * 3600
ID_BYTES = 32


def begin(session: Session, *, key_id: str) -> str:
    """Sign in with this key; returns the text for the cookie, which is kept nowhere."""
    text = token_urlsafe(ID_BYTES)
    expires_at = now(session) + timedelta(seconds=KEPT_SECONDS)
    session.add(PageSession(id_sha256=_hashed(text), key_id=key_id, expires_at=expires_at))
    session.flush()
    return text


def key_of(session: Session, *, text: str) -> ApiKey | None:
    """The key that was signed in with; None for any other text, one that has expired, and a key that was revoked."""
    query = select(ApiKey).join(PageSession, PageSession.key_id == ApiKey.id)
    query = query.where(PageSession.id_sha256 == _hashed(text), PageSession.expires_at > now(session))
    return session.scalars(query.where(ApiKey.revoked_at.is_(None))).one_or_none()


def end(session: Session, *, text: str) -> bool:
    """Sign out; False where nobody was signed in by this text."""
    return changed(session, delete(PageSession).where(PageSession.id_sha256 == _hashed(text))) == 1


def forget_expired(session: Session) -> int:
    """Delete what has expired; returns how many."""
    return changed(session, delete(PageSession).where(PageSession.expires_at <= now(session)))


def _hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()
