"""`cleanse estimate`: what a scan will take."""

from typing import Annotated

import typer

from api.cli.arguments import Home, Json, Server, Workers
from api.cli.run import Architecture, HowLong, Model, Only, Slots


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

    The speed is that of the latest scans there; without any, of a processor that was measured once. A server is told
    the sizes of the net, not the net.
    """
    if server is not None and workers is not None:
        raise typer.BadParameter("--workers is for this machine: a server knows its own")
    from api.cli.estimating import asked, here, show_estimate, there
    from nc_tasks.options import scan_options

    options = scan_options(profile=profile, labels=only, architecture=architecture, slots=slots)
    scan = asked(model, options, images=images)
    found = here(home, scan, workers=workers) if server is None else there(server, scan)
    show_estimate(found, as_json=json)
