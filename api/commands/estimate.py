"""`cleanse estimate`: what a scan will take."""

from typing import Annotated

import typer

from api.arguments import Home, Json, Workers
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
    json: Json = False,
) -> None:
    """Say how many labels, minutes and how much memory a scan of MODEL will take, before it is run.

    The speed is that of the latest scans under --home; without any, of a processor that was measured once.
    """
    from api.arguments import settings_of
    from api.estimating import show_estimate
    from nc_tasks.options import scan_options

    options = scan_options(profile=profile, labels=only, architecture=architecture, slots=slots)
    show_estimate(settings_of(home), model, options, workers=workers, images=images, as_json=json)
