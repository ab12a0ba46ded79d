"""`cleanse show`: one submission."""

from typing import Annotated

import typer

from api.arguments import Home, Json


def show(
    submission: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning of it.")],
    home: Home = None,
    json: Json = False,
) -> None:
    """Show one submission: how far it is, or its result."""
    from api.arguments import settings_of
    from api.showing import show_submission

    show_submission(settings_of(home), submission, as_json=json)
