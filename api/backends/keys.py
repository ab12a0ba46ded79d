"""Where the keys of the HTTP service are: in the store under a home, or on a server that an admin asks."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol, cast

from api.client.types import Key, NewKey
from api.service.models.key import KeyInfo
from nc_tasks.store import LOCAL, ApiKey, Store, open_store
from nc_tasks.store.rows import audit, deliveries, keys
from nc_tasks.store.tables.states import Scope


class Keys(Protocol):
    """Raises InputRefused or NotFound where what is asked for is at fault, CleanseError otherwise."""

    def create_key(self, owner: str, scopes: Sequence[Scope], *, name: str) -> NewKey:
        """Make a key, whose text is told this once."""
        ...

    def keys(self) -> Sequence[Key]:
        """All keys, revoked ones too, oldest first."""
        ...

    def revoke_key(self, key_id: str) -> None:
        """End a key at once; one that was revoked before stays so."""
        ...


@contextmanager
def opened_keys(home: Path | None, server: str | None) -> Iterator[Keys]:
    """Those of the server at this address, asked with the key in CLEANSE_KEY; without an address those under home."""
    if server is not None:
        from api.backends.remote import client

        with client(server) as connected:
            yield connected
        return
    from api.backends import settings_of

    with closing(open_store(settings_of(home))) as store:
        yield LocalKeys(store)


class LocalKeys:
    """See `Keys`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create_key(self, owner: str, scopes: Sequence[Scope], *, name: str) -> NewKey:
        """See `Keys`."""
        with self._store.write() as session:
            made = keys.create(session, owner=owner, name=name, scopes=scopes)
            secret = deliveries.webhook_secret(session, owner=owner)
            about = {"owner": owner, "scopes": made.row.scopes}
            audit.record(session, owner=LOCAL, key_id=None, action="create-key", subject=made.row.id, detail=about)
            return NewKey(**_json(made.row), key=made.text, webhook_secret=secret)

    def keys(self) -> Sequence[Key]:
        """See `Keys`."""
        with self._store.read() as session:
            return [_json(row) for row in keys.every(session)]

    def revoke_key(self, key_id: str) -> None:
        """See `Keys`."""
        with self._store.write() as session:
            keys.revoke(session, key_id=key_id)
            audit.record(session, owner=LOCAL, key_id=None, action="revoke-key", subject=key_id)


def _json(row: ApiKey) -> Key:
    return cast(Key, KeyInfo.model_validate(row).model_dump(mode="json"))
