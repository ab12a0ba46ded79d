"""Trains a net of a zoo by its card, as a job."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nc_tasks.worker.inputs import uploaded
from nc_tasks.worker.process import WorkerProcess


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
