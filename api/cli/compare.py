"""`cleanse compare`: two submissions side by side."""

from typing import Annotated

import typer

from api.cli.arguments import Home, Json, Server


def compare(
    left: Annotated[str, typer.Argument(metavar="LEFT", help="Id of the earlier one, or the beginning of it.")],
    right: Annotated[str, typer.Argument(metavar="RIGHT", help="Id of the later one, or the beginning of it.")],
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Compare two submissions, such as two versions of a model: verdict, flagged labels, which norms have drifted."""
    from api.backends import opened
    from api.cli.showing import show_comparison

    with opened(home, server) as backend:
        show_comparison(backend, left, right, as_json=json)
