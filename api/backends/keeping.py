"""Files on their way into the artefacts of this machine, where workers find them by their digest."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from api.client import inputs
from nc_tasks.files import ArtefactStore
from nc_tasks.request.scan import StoredFile


def keep(artefacts: ArtefactStore, path: Path) -> str:
    """Copy the file into the artefacts, a folder of pictures as one zip; returns its sha256."""
    if not path.is_dir():
        return artefacts.put_file(path)
    from nc_core.datasets import pack_folder

    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        packed = Path(folder) / "pictures.zip"
        pack_folder(path, packed)
        return artefacts.put_file(packed)


def kept(artefacts: ArtefactStore, path: Path) -> StoredFile:
    """Keep the file; returns what it is known by."""
    return StoredFile(sha256=keep(artefacts, path), name=inputs.name_of(path))


def keep_all(artefacts: ArtefactStore, paths: Sequence[Path]) -> list[dict[str, str]]:
    """Keep the files; returns {"sha256", "name"} of each, in order."""
    return [kept(artefacts, path).model_dump() for path in paths]
