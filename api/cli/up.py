"""`cleanse up`, `cleanse down`: the HTTP service, its pages, Flower and the workers, on this machine."""

from typing import Annotated

import typer

from api.backends import settings_of
from api.cli.arguments import Home, Workers
from api.cli.terminal import err


def up(
    home: Home = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", help="Address to listen on; any but a loopback one needs keys.", show_default="127.0.0.1"
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port; 0: a free one.", show_default="8000")
    ] = None,
    workers: Workers = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once everything answers.")] = False,
) -> None:
    """Start the service of this machine, or adopt it, and keep it up: API, pages, Flower, broker, workers.

    Prints where the service and Flower are once they answer. Ctrl-C or `cleanse down` stops everything; what was at
    work is carried on by the next start.
    """
    from api.cli.upkeep import stay_up

    asked = {name: value for name, value in (("api_host", host), ("api_port", port)) if value is not None}
    stay_up(settings_of(home).model_copy(update=asked), workers=workers, detach=detach)


def down(home: Home = None) -> None:
    """Stop the broker and the workers of this home; what they were at is carried on by the next run."""
    from nc_tasks.embedded.client import down as stop

    stopped = stop(settings_of(home))
    err.print("Stopped." if stopped else "Nothing was running.")
