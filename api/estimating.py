"""Prints what a scan of a model will take on this machine."""

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from api import inputs
from api.numbers import count, duration, byte_size, significant
from api.terminal import out
from nc_tasks.artefacts import Artefacts
from nc_tasks.embedded.commands import default_slots, default_workers
from nc_tasks.estimates import USUAL_IMAGES, Estimate, estimate
from nc_tasks.options import ScanOptions
from nc_tasks.settings import Settings
from nc_tasks.store import open_store


def show_estimate(
    settings: Settings,
    model: Path,
    options: ScanOptions,
    *,
    workers: int | None,
    images: int | None,
    as_json: bool,
) -> None:
    """Print it; raises ModelRefused for a file that a scan would refuse."""
    from nc_core.quarantine.admit import admit_model

    inputs.check_model(model)
    canonical = admit_model(model, architecture=options.architecture)
    with closing(open_store(settings)) as store:
        found = estimate(
            store,
            Artefacts(settings.artefacts),
            canonical,
            options,
            workers=workers or default_workers(),
            slots=settings.worker_slots or default_slots(),
            images=images or USUAL_IMAGES,
        )
    if as_json:
        print(json.dumps(asdict(found), indent=2))
        return
    for line in told(found):
        out.print(line)


def told(found: Estimate) -> list[str]:
    """The estimate in a few lines."""
    of = f" of {found.classes:,}" if found.labels != found.classes else ""
    known = f"of {count(found.scans, 'scan')} measured here" if found.scans else "of no scan here yet, by constants"
    return [
        f"labels  {found.labels:,}{of}",
        f"time    about {duration(60 * found.minutes)}, without a repair, with nothing else at work "
        f"({count(found.workers, 'label worker')})",
        f"memory  about {byte_size(found.memory_bytes)} for each label worker ({count(found.slots, 'slot')})",
        f"speed   {significant(found.speed, 2)} reference processors ({known})",
    ]
