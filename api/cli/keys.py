"""Prints the keys of the HTTP service, wherever they are: those that are made, that there are, that are revoked."""

from datetime import datetime

from rich.table import Table

from api.backends.keys import Keys
from api.cli.showing import print_json
from api.cli.terminal import err, out, printable
from api.results.numbers import MISSING
from nc_tasks.store.keys import parse_scopes


def create_key(keys: Keys, *, owner: str, name: str, scopes: str, as_json: bool) -> None:
    """Make a key and print it; scopes: "submit,read". Raises OptionRefused."""
    made = keys.create_key(owner, parse_scopes(scopes), name=name)
    if as_json:
        print_json(made)
        return
    err.print(f"Key {made['id']} of {made['owner']} ({', '.join(made['scopes'])}); it is shown this once:")
    out.print(made["key"])
    err.print(f"Callbacks to {made['owner']} are signed with {made['webhook_secret']}")


def show_keys(keys: Keys, *, as_json: bool) -> None:
    """Print all keys."""
    found = keys.keys()
    if as_json:
        print_json(found)
    elif not found:
        out.print("No keys: the HTTP service asks for none, and listens to this machine alone.")
    else:
        table = Table("id", "owner", "scopes", "name", "made", "revoked", box=None, pad_edge=False)
        for one in found:
            times = (_minute(moment) if moment else MISSING for moment in (one["created_at"], one["revoked_at"]))
            table.add_row(one["id"], one["owner"], ", ".join(one["scopes"]), printable(one["name"]), *times)
        out.print(table)


def revoke_key(keys: Keys, key_id: str, *, as_json: bool) -> None:
    """End a key; raises NotFound."""
    keys.revoke_key(key_id)
    if as_json:
        print_json({"id": key_id, "revoked": True})
    else:
        err.print(f"Key {printable(key_id)} is revoked.")


def _minute(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}"
