"""What a scan of a model will take, on this machine or by a server."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from api import inputs
from api.arguments import settings_of
from api.backends import remote
from api.numbers import byte_size, count, duration, significant
from api.showing import print_json
from api.terminal import out
from nc_tasks.artefacts import open_artefacts
from nc_tasks.embedded.commands import default_slots, default_workers
from nc_tasks.options import ScanOptions
from nc_tasks.store import open_store


def here(
    home: Path | None, model: Path, options: ScanOptions, *, workers: int | None, images: int | None
) -> dict[str, Any]:
    """Of a scan on this machine; raises ModelRefused for a file that a scan would refuse."""
    from nc_core.quarantine.admit import admit_model
    from nc_tasks.estimates import USUAL_IMAGES, estimate

    inputs.check_model(model)
    settings = settings_of(home)
    canonical = admit_model(model, architecture=options.architecture)
    with closing(open_store(settings)) as store:
        found = estimate(
            store,
            open_artefacts(settings),
            canonical,
            options,
            workers=workers or default_workers(),
            slots=settings.worker_slots or default_slots(),
            images=images or USUAL_IMAGES,
        )
    return asdict(found)


def there(server: str, model: Path, options: ScanOptions, *, images: int | None) -> dict[str, Any]:
    """Of a scan by a server, which reads the model for that."""
    with remote.client(server) as client:
        return client.estimate(model, options=options.model_dump(mode="json"), images=images)


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
        f"({count(found['workers'], 'label worker')})",
        f"memory  about {byte_size(found['memory_bytes'])} for each label worker ({count(found['slots'], 'slot')})",
        f"speed   {significant(found['speed'], 2)} reference processors ({known})",
    ]
