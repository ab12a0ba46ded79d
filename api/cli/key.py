"""`cleanse key`: who may use the HTTP service."""

from typing import Annotated

import typer

from api.cli.arguments import Home, Json, Server

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
    from api.cli.keys import create_key

    with opened_keys(home, server) as keys:
        create_key(keys, owner=owner, name=name, scopes=scopes, as_json=json)


@app.command("list")
def list_keys(home: Home = None, server: Server = None, json: Json = False) -> None:
    """List the keys, revoked ones too."""
    from api.backends.keys import opened_keys
    from api.cli.keys import show_keys

    with opened_keys(home, server) as keys:
        show_keys(keys, as_json=json)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="Its id; `cleanse key list` shows it.")],
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """End a key at once."""
    from api.backends.keys import opened_keys
    from api.cli.keys import revoke_key

    with opened_keys(home, server) as keys:
        revoke_key(keys, key, as_json=json)
