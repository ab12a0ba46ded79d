"""Keys of the service: random, known here by their hash alone.

A key reads `cleanse_ID_SECRET`. The id finds the row, the secret is compared in constant time. It is 256 random bits:
a plain SHA-256 of it is as good as any slow hash, there is nothing to guess. The service asks for keys from the first
one on, for good: revoking the last one must not let anybody in.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_hex, token_urlsafe
from typing import cast, get_args

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from nc_core.errors import OptionRefused
from nc_tasks.errors import NotFound
from nc_tasks.store.rows.statements import changed
from nc_tasks.store.tables import ApiKey
from nc_tasks.store.tables.states import Scope
from nc_tasks.store.tables.types import now

OWNER_FORM = r"[a-z0-9][a-z0-9._-]{0,63}"
SECRET_BYTES = 32
_FORM = re.compile(r"cleanse_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """A key just made; text: what its owner keeps, shown this once."""

    row: ApiKey
    text: str


def create(session: Session, *, owner: str, name: str, scopes: Iterable[Scope]) -> NewKey:
    """Make a key. Raises OptionRefused for an owner's name that could be mistaken, or without any scope."""
    if not re.fullmatch(OWNER_FORM, owner):
        raise OptionRefused(
            f"owner {owner[:80]!r}: write 1 to 64 lower-case letters, digits, dots, dashes or underscores, "
            "the first a letter or digit"
        )
    granted = sorted(set(scopes))
    if not granted:
        raise OptionRefused("a key needs at least one of the scopes submit, read and admin")
    identity, secret = token_hex(6), token_urlsafe(SECRET_BYTES)
    row = ApiKey(
        id=identity,
        owner=owner,
        name=name,
        scopes=granted,
        secret_sha256=_hashed(secret),
        created_at=now(session),
    )
    session.add(row)
    session.flush()
    return NewKey(row=row, text=f"cleanse_{identity}_{secret}")


def parse_scopes(text: str) -> list[Scope]:
    """Scopes from text such as "submit,read"; raises OptionRefused."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in get_args(Scope):
            raise OptionRefused(f"scopes {text[:80]!r}: {name[:80]!r} is none; write some of submit,read,admin")
    return cast(list[Scope], names)


def authenticate(session: Session, *, text: str) -> ApiKey | None:
    """The key that this text is; None for any other text, and for a key that was revoked."""
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    row = session.get(ApiKey, form[1])
    # An unknown id is compared too: how long the answer takes says nothing.
    same = hmac.compare_digest(_hashed(form[2]), row.secret_sha256 if row else _hashed(""))
    return row if row is not None and same and row.revoked_at is None else None


def id_in(text: str) -> str | None:
    """The public id in a text that has the form of a key, whether there is such a key or not."""
    form = _FORM.fullmatch(text)
    return None if form is None else form[1]


def revoke(session: Session, *, key_id: str) -> bool:
    """End the key; False where it was revoked before. Raises NotFound."""
    if session.get(ApiKey, key_id) is None:
        raise NotFound(f"no key has the id {key_id[:80]!r}; `cleanse key list` shows them")
    ending = update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None)).values(revoked_at=now(session))
    return changed(session, ending) == 1


def every(session: Session) -> list[ApiKey]:
    """All keys, revoked ones too, oldest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)))


def any_made(session: Session) -> bool:
    """Whether there ever was a key: from then on the service asks for one."""
    return bool(session.scalar(select(exists().where(ApiKey.id.is_not(None)))))


def _hashed(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
