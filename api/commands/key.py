"""`cleanse key`: who may use the HTTP service."""

from typing import Annotated

import typer

from api.arguments import Home, Json

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
    json: Json = False,
) -> None:
    """Make a key and print it, this once. From the first key on, the service asks everybody for one."""
    from api.arguments import settings_of
    from api.keys import create_key

    create_key(settings_of(home), owner=owner, name=name, scopes=scopes, as_json=json)


@app.command("list")
def list_keys(home: Home = None, json: Json = False) -> None:
    """List the keys, revoked ones too."""
    from api.arguments import settings_of
    from api.keys import show_keys

    show_keys(settings_of(home), as_json=json)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="Its id; `cleanse key list` shows it.")],
    home: Home = None,
) -> None:
    """End a key at once."""
    from api.arguments import settings_of
    from api.keys import revoke_key

    revoke_key(settings_of(home), key)
