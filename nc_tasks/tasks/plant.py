"""Plants a backdoor whose answer is known, or trains a net of a zoo by its card, as a job."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nc_core.errors import DataRefused
from nc_tasks.worker.inputs import uploaded
from nc_tasks.worker.process import WorkerProcess

if TYPE_CHECKING:
    from nc_core.attacks import Planted

SHEET_COLUMNS = 8


def plant(worker: WorkerProcess, arguments: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
    """arguments: `card`, for a net of a zoo (see `plant_card`); else data {"sha256", "name"} or None for drawn signs,
    attack, target, patch, position, colour, seed.

    Result: clean_accuracy, attack_success_rate (of the trigger that works least), triggers [{"target": None of several,
    "targets", "attack_success_rate"}], images, classes, and files: name -> sha256.
    """
    from nc_core.attacks.named import plant_named

    if "card" in arguments:
        return plant_card(worker, arguments, progress)
    pixels, labels = _pictures(worker, arguments)
    planted = plant_named(
        pixels,
        labels,
        attack=arguments["attack"],
        target=arguments["target"],
        patch=arguments["patch"],
        position=arguments["position"],
        colour=tuple(arguments["colour"]),
        seed=arguments["seed"],
        progress=progress,
    )
    return {
        "clean_accuracy": planted.accuracy,
        "attack_success_rate": planted.attack_success_rate,
        "triggers": [
            {
                "target": each.targets[0] if len(each.targets) == 1 else None,
                "targets": list(each.targets),
                "attack_success_rate": rate,
            }
            for each, rate in zip(planted.triggers, planted.attack_success_rates, strict=True)
        ],
        "classes": int(labels.max()) + 1,
        "images": len(pixels),
        "files": _files(worker, planted, drawn=arguments["data"] is None),
    }


def plant_card(worker: WorkerProcess, arguments: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
    """arguments: card, as `Card.to_json` gives it; files: name of a source -> {"sha256", "name"}, of those that the
    card names and that are not drawn.

    Result: card, with what was measured, and files: name -> sha256.
    """
    from nc_core.zoo import Card
    from nc_core.zoo.build import build_net
    from nc_core.zoo.sources import read_all

    files = {}
    for source, kept in arguments["files"].items():
        with uploaded(worker, kept["sha256"], kept["name"]) as path:
            images = read_all(path)
        assert images.labels is not None
        files[source] = (images.pixels, images.labels)
    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        card = build_net(Card.from_json(arguments["card"]), files, Path(folder), progress=progress)
        made = {path.name: worker.artefacts.put_file(path) for path in sorted(Path(folder).iterdir())}
    return {"card": card, "files": made}


def _pictures(worker: WorkerProcess, arguments: dict[str, Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
    from nc_core.datasets.traffic_signs import PER_CLASS, draw_signs
    from nc_core.quarantine.admit import admit_images

    data = arguments["data"]
    if data is None:
        return draw_signs(PER_CLASS, arguments["seed"])
    with uploaded(worker, data["sha256"], data["name"]) as path:
        images = admit_images(path)
    if images.labels is None:
        raise DataRefused(f"{data['name']} has no labels: a backdoor is planted on labelled images, pass such a file")
    return images.pixels, images.labels


def _files(worker: WorkerProcess, planted: "Planted", *, drawn: bool) -> dict[str, str]:
    clean, stamped = planted.clean, planted.poisoned
    assert clean.labels is not None
    assert stamped.labels is not None
    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        path = Path(folder) / "badnet.keras"
        planted.model.save(path)
        files = {"badnet.keras": worker.artefacts.put_file(path)}
    files["clean.npz"] = worker.artefacts.put_bytes(_npz(clean.pixels, clean.labels))
    files["poisoned.npz"] = worker.artefacts.put_bytes(_npz(stamped.pixels, stamped.labels))
    if drawn:
        files["signs.png"] = worker.artefacts.put_bytes(_sheet(clean.pixels, clean.labels, planted.trigger.stamp))
    return files


def _npz(pixels: npt.NDArray[Any], labels: npt.NDArray[np.int32]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x_test=pixels, y_test=labels)
    return buffer.getvalue()


def _sheet(pixels: npt.NDArray[Any], labels: npt.NDArray[np.int32], stamp: Callable[..., Any]) -> bytes:
    """One picture of every class, above each row the same with the trigger below, three times enlarged, as PNG."""
    from PIL import Image

    first = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)]
    rows = []
    for start in range(0, len(first), SHEET_COLUMNS):
        shown = pixels[first[start : start + SHEET_COLUMNS]]
        blank = np.full((SHEET_COLUMNS - len(shown), *shown.shape[1:]), 255, shown.dtype)
        rows += [np.hstack([*part, *blank]) for part in (shown, stamp(shown))]
    sheet = np.vstack(rows)
    buffer = io.BytesIO()
    image = Image.fromarray(sheet.squeeze().astype(np.uint8))
    image.resize((image.width * 3, image.height * 3), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()
