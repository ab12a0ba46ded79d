"""`cleanse estimate`: what a scan will take."""

from typing import Annotated

import typer

from api.arguments import Home, Json, Server, Workers
from api.commands.run import Architecture, HowLong, Model, Only, Slots


def estimate(
    model: Model,
    profile: HowLong = "fast",
    only: Only = None,
    architecture: Architecture = None,
    slots: Slots = None,
    workers: Workers = None,
    images: Annotated[
        int | None, typer.Option("--images", min=1, help="Clean pictures there are.", show_default="2500")
    ] = None,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Say how many labels, minutes and how much memory a scan of MODEL will take, before it is run.

    The speed is that of the latest scans under --home; without any, of a processor that was measured once.
    """
    from api.estimating import here, show_estimate, there
    from nc_tasks.options import scan_options

    options = scan_options(profile=profile, labels=only, architecture=architecture, slots=slots)
    if server is not None:
        if workers is not None:
            raise typer.BadParameter("--workers is for this machine: a server knows its own")
        found = there(server, model, options, images=images)
    else:
        found = here(home, model, options, workers=workers, images=images)
    show_estimate(found, as_json=json)
