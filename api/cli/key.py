"""`cleanse key`: who may use the HTTP service."""

from datetime import datetime
from typing import Annotated

import typer

from api.cli.arguments import Home, Json, Server
from api.cli.terminal import err, out, print_json, printable, table
from nc_core.results.numbers import MISSING

app = typer.Typer(help="Make, list and revoke the keys of the HTTP service.", no_args_is_help=True)


@app.command()
def create(
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="Whose submissions are whose: a person, a team.")],
    scopes: Annotated[
        str,
        typer.Option("--scopes", metavar="SCOPE[,SCOPE...]", help="Of submit, read, admin (everything)."),
    ] = "submit,read",
    name: Annotated[str, typer.Option("--name", help="What it is for.")] = "",
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Make a key and print it, this once. From the first key on, the service asks everybody for one."""
    from api.backends.keys import opened_keys
    from nc_tasks.store.rows.keys import parse_scopes

    with opened_keys(home, server) as keys:
        made = keys.create_key(owner, parse_scopes(scopes), name=name)
    if json:
        print_json(made)
        return
    err.print(f"Key {made['id']} of {made['owner']} ({', '.join(made['scopes'])}); it is shown this once:")
    out.print(made["key"])
    err.print(f"Callbacks to {made['owner']} are signed with {made['webhook_secret']}")


@app.command("list")
def list_keys(home: Home = None, server: Server = None, json: Json = False) -> None:
    """List the keys, revoked ones too."""
    from api.backends.keys import opened_keys

    with opened_keys(home, server) as keys:
        found = keys.keys()
    if json:
        print_json(found)
    elif not found:
        out.print("No keys: the HTTP service asks for none, and listens to this machine alone.")
    else:
        shown = table("id", "owner", "scopes", "name", "made", "revoked")
        for one in found:
            times = (_minute(moment) if moment else MISSING for moment in (one["created_at"], one["revoked_at"]))
            shown.add_row(one["id"], one["owner"], ", ".join(one["scopes"]), printable(one["name"]), *times)
        out.print(shown)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="Its id; `cleanse key list` shows it.")],
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """End a key at once."""
    from api.backends.keys import opened_keys

    with opened_keys(home, server) as keys:
        keys.revoke_key(key)
    if json:
        print_json({"id": key, "revoked": True})
    else:
        err.print(f"Key {printable(key)} is revoked.")


def _minute(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}"
