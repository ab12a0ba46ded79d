"""The scans of a zoo as one small file: its plan, cards and results, without nets and pictures.

Unpacked it is a zoo that can be scored and judged anew, and that `cleanse zoo build` goes on from.
"""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from nc_core.zoo.card import FILE, RESULT
from nc_core.zoo.folder import NETS, PLAN, nets


def pack(zoo: Path, file: Path) -> None:
    """Write a .tar.xz of those nets that were scanned; the same zoo gives the same bytes. Raises OptionRefused where it
    is no zoo."""
    scanned = [folder for folder in nets(zoo) if (folder / RESULT).is_file()]
    with tarfile.open(file, "w:xz") as archive:
        for name, content in _contents(zoo, scanned):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _contents(zoo: Path, scanned: list[Path]) -> Iterator[tuple[str, bytes]]:
    yield PLAN, (zoo / PLAN).read_bytes()
    for folder in scanned:
        for name in (FILE, RESULT):
            yield f"{NETS}/{folder.name}/{name}", (folder / name).read_bytes()
