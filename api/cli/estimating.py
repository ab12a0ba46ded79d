"""What a scan of a model will take, on this machine or by a server."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from api.backends import remote, settings_of
from api.cli.showing import print_json
from api.cli.terminal import out
from api.client import inputs
from api.results.numbers import byte_size, count, duration, significant
from nc_core.cost import NetCost, cost_of
from nc_tasks.artefacts import open_artefacts
from nc_tasks.estimates import USUAL_IMAGES, Wanted, estimate, labels_of
from nc_tasks.options import ScanOptions
from nc_tasks.staff import staff_of
from nc_tasks.store import open_store


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A model as its file shows it, and what of it is to be scanned. images: clean ones."""

    net: NetCost
    classes: int
    labels: int
    options: ScanOptions
    images: int


def asked(model: Path, options: ScanOptions, *, images: int | None) -> Asked:
    """Read the model, in a confined process; raises ModelRefused for a file that a scan would refuse."""
    from nc_core.quarantine.admit import admit_model

    inputs.check_model(model)
    canonical = admit_model(model, architecture=options.architecture)
    return Asked(
        net=cost_of(canonical),
        classes=canonical.classes,
        labels=labels_of(options, canonical.classes),
        options=options,
        images=images or USUAL_IMAGES,
    )


def here(home: Path | None, scan: Asked, *, workers: int | None) -> dict[str, Any]:
    """Of a scan on this machine."""
    settings = settings_of(home)
    with closing(open_store(settings)) as store:
        staff = staff_of(store, settings)
        wanted = Wanted(
            net=scan.net,
            labels=scan.labels,
            profile=scan.options.profile,
            slots=scan.options.slots or staff.slots,
            images=scan.images,
        )
        live = staff.live and workers is None
        found = estimate(store, open_artefacts(settings), wanted, workers=workers or staff.workers, live=live)
    return {**asdict(found), "classes": scan.classes}


def there(server: str, scan: Asked) -> dict[str, Any]:
    """Of a scan by a server, which is told no more than the sizes."""
    options = scan.options
    how: dict[str, Any] = {"profile": options.profile, "slots": options.slots, "images": scan.images}
    with remote.client(server) as client:
        found = client.estimate(asdict(scan.net), labels=scan.labels, **how)
    return {**found, "classes": scan.classes}


def show_estimate(found: Mapping[str, Any], *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        print_json(found)
        return
    for line in told(found):
        out.print(line)


def told(found: Mapping[str, Any]) -> list[str]:
    """The estimate in a few lines."""
    of = f" of {found['classes']:,}" if found["labels"] != found["classes"] else ""
    known = f"of {count(found['scans'], 'scan')} measured" if found["scans"] else "of no scan yet, by constants"
    return [
        f"labels  {found['labels']:,}{of}",
        f"time    about {duration(60 * found['minutes'])}, without a repair, with nothing else at work "
        f"({count(found['workers'], 'label worker')}{' at work now' if found['live'] else ''})",
        f"memory  about {byte_size(found['memory_bytes'])} for each label worker ({count(found['slots'], 'slot')})",
        f"speed   {significant(found['speed'], 2)} reference processors ({known})",
    ]
