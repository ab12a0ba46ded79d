"""One hostile file."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tests.hostile import seeds

Make = Callable[[Path], Path]
"""Writes the file into a folder of its own; returns its path."""


class Case(NamedTuple):
    """`said` stands in the refusal; None: nothing of what is hostile in it is read, so that the rest is admitted."""

    make: Make
    said: str | None


Edit = Callable[[seeds.Config], object]


def edited(change: Edit) -> Make:
    """The classifier as `.h5` with its configuration changed in place."""

    def make(folder: Path) -> Path:
        config = seeds.classifier()
        change(config)
        return seeds.write_h5(folder / "model.h5", config)

    return make


def layer(name: str, **values: object) -> Make:
    """The same with values of one layer's entry replaced."""
    return edited(lambda config: seeds.layer(config, name).update(values))


def options(name: str, **values: object) -> Make:
    """The same with options of one layer replaced."""
    return edited(lambda config: seeds.layer(config, name)["config"].update(values))


def stored(name: str, content: bytes) -> Make:
    """A file of these bytes."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def packed_zeros(
    target: BinaryIO | Path, members: Mapping[str, bytes], name: str, start: bytes, size: int, method: int
) -> None:
    """A zip of these members and one of `start` and `size` zeros, never held in memory: tests measure memory."""
    with zipfile.ZipFile(target, "w", method) as archive:
        for each, data in members.items():
            archive.writestr(each, data)
        with archive.open(name, "w", force_zip64=True) as file:
            file.write(start)
            for _ in range(size // 2**20):
                file.write(bytes(2**20))
