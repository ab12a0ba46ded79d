"""`cleanse estimate`: what a scan will take."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.backends import settings_of
from api.cli.arguments import Home, Json, Model, Server, Workers
from api.cli.fetching import downloads
from api.cli.scan_options import takes_scan_options
from api.cli.terminal import out, print_json
from api.client import inputs
from nc_core.results.numbers import byte_size, count, duration, significant

if TYPE_CHECKING:
    from nc_core.intake.cost import NetCost
    from nc_tasks.request.options import ScanOptions


@takes_scan_options("profile", "labels", "architecture", "output", "input_shape", "slots", "twins")
def estimate(
    model: Model,
    options: dict[str, Any],
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
    from nc_tasks.request.options import scan_options

    with downloads(home) as files:
        scan = asked(files.path(model, "model"), scan_options(**options), images=images)
    found = here(home, scan, workers=workers) if server is None else there(server, scan)
    if json:
        print_json(found)
        return
    for line in lines(found):
        out.print(line)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A model as its file shows it, and what of it is to be scanned. images: clean ones."""

    net: "NetCost"
    classes: int
    labels: int
    options: "ScanOptions"
    images: int


def asked(model: Path, options: "ScanOptions", *, images: int | None) -> Asked:
    """Read the model, in a confined process; raises ModelRefused for a file that a scan would refuse."""
    from nc_core.intake.cost import cost_of
    from nc_core.quarantine.admit import admit_model
    from nc_tasks.views.estimates import USUAL_IMAGES, labels_of

    inputs.check_model(model)
    canonical = admit_model(model, **options.reading)
    return Asked(
        net=cost_of(canonical),
        classes=canonical.classes,
        labels=labels_of(options, canonical.classes),
        options=options,
        images=images or USUAL_IMAGES,
    )


def here(home: Path | None, scan: Asked, *, workers: int | None) -> dict[str, Any]:
    """Of a scan on this machine."""

    from nc_tasks.files import open_artefacts
    from nc_tasks.store import open_store
    from nc_tasks.views.estimates import Wanted, capacity_of
    from nc_tasks.views.estimates import estimate as estimated

    settings = settings_of(home)
    with closing(open_store(settings)) as store:
        capacity = capacity_of(store, settings)
        wanted = Wanted(
            net=scan.net,
            labels=scan.labels,
            profile=scan.options.profile,
            slots=scan.options.slots,
            images=scan.images,
            twins=scan.options.twins,
            classes=scan.classes,
        )
        if workers is not None:
            capacity = replace(capacity, workers=workers, live=False)
        found = estimated(store, open_artefacts(settings), wanted, capacity)
    return {**asdict(found), "classes": scan.classes}


def there(server: str, scan: Asked) -> dict[str, Any]:
    """Of a scan by a server, which is told no more than the sizes."""
    from api.backends import remote

    options = scan.options
    how: dict[str, Any] = {"profile": options.profile, "slots": options.slots, "images": scan.images}
    how |= {"twins": options.twins, "classes": scan.classes}
    with remote.client(server) as client:
        found = client.estimate(asdict(scan.net), labels=scan.labels, **how)
    return {**found, "classes": scan.classes}


def lines(found: Mapping[str, Any]) -> list[str]:
    """The estimate in a few lines."""
    of = f" of {found['classes']:,}" if found["labels"] != found["classes"] else ""
    known = f"of {count(found['scans'], 'scan')} measured" if found["scans"] else "of no scan yet, by constants"
    return [
        f"labels  {found['labels']:,}{of}",
        f"time    about {duration(60 * found['minutes'])}, without a repair, with nothing else at work "
        f"({count(found['workers'], 'label worker')}{' at work now' if found['live'] else ''})",
        *twin_lines(found),
        f"memory  about {byte_size(found['memory_bytes'])} for each label worker ({count(found['slots'], 'slot')})",
        f"speed   {significant(found['speed'], 2)} reference processors ({known})",
    ]


def twin_lines(found: Mapping[str, Any]) -> list[str]:
    """A line where twins were asked for; a server of an earlier version counts none."""
    if not found.get("twins"):
        return []
    took = duration(60 * found["twin_minutes"])
    return [f"twins   about {took} of that to train and scan {count(found['twins'], 'clean twin')}"]
