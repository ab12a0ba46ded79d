"""Makes, prints and revokes the keys of the HTTP service, in the store of this home."""

import json
from contextlib import closing

from rich.table import Table

from api.numbers import MISSING
from api.terminal import err, out, printable
from nc_tasks.settings import Settings
from nc_tasks.store import LOCAL, ApiKey, audit, keys, open_store, secrets


def create_key(settings: Settings, *, owner: str, name: str, scopes: str, as_json: bool) -> None:
    """Make a key and print it; scopes: "submit,read". Raises OptionRefused."""
    with closing(open_store(settings)) as store, store.write() as session:
        made = keys.create(session, owner=owner, name=name, scopes=keys.parse_scopes(scopes))
        secret = secrets.webhook_secret(session, owner=owner)
        about = {"owner": owner, "scopes": made.row.scopes}
        audit.record(session, owner=LOCAL, key_id=None, action="create-key", subject=made.row.id, detail=about)
        told = {**row_json(made.row), "key": made.text, "webhook_secret": secret}
    if as_json:
        print(json.dumps(told, indent=2))
        return
    err.print(f"Key {made.row.id} of {owner} ({', '.join(made.row.scopes)}); it is shown this once:")
    out.print(made.text)
    err.print(f"Callbacks to {owner} are signed with {secret}")


def show_keys(settings: Settings, *, as_json: bool) -> None:
    """Print all keys."""
    with closing(open_store(settings)) as store, store.read() as session:
        rows = keys.every(session)
    if as_json:
        print(json.dumps([row_json(row) for row in rows], indent=2))
    elif not rows:
        out.print("No keys: the HTTP service asks for none, and listens to this machine alone.")
    else:
        table = Table("id", "owner", "scopes", "name", "made", "revoked", box=None, pad_edge=False)
        for row in rows:
            times = (f"{moment:%Y-%m-%d %H:%M}" if moment else MISSING for moment in (row.created_at, row.revoked_at))
            table.add_row(row.id, row.owner, ", ".join(row.scopes), printable(row.name), *times)
        out.print(table)


def revoke_key(settings: Settings, key_id: str) -> None:
    """End a key; raises NotFound."""
    with closing(open_store(settings)) as store, store.write() as session:
        ended = keys.revoke(session, key_id=key_id)
        audit.record(session, owner=LOCAL, key_id=None, action="revoke-key", subject=key_id)
    err.print(f"Key {key_id} is revoked." if ended else f"Key {key_id} was revoked before.")


def row_json(row: ApiKey) -> dict[str, object]:
    """A key as `key list --json` prints it; times in UTC, ISO 8601."""
    return {
        "id": row.id,
        "owner": row.owner,
        "name": row.name,
        "scopes": row.scopes,
        "created_at": row.created_at.isoformat(timespec="seconds"),
        "revoked_at": None if row.revoked_at is None else row.revoked_at.isoformat(timespec="seconds"),
    }
