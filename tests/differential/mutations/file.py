"""A valid file of either format, taken apart, to be put together again with one part changed."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import h5py

Config = dict[str, Any]
Chance = random.Random


class Mutated(NamedTuple):
    """A file and the name that it comes under."""

    suffix: str
    content: bytes
    name: str


class File:
    """A valid file of either format, taken apart."""

    def __init__(self, suffix: str, content: bytes) -> None:
        self.suffix = suffix
        self.content = content
        if suffix == ".keras":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                self.members = {name: archive.read(name) for name in archive.namelist()}
            self.config = json.loads(self.members["config.json"])
            self.weights = self.members["model.weights.h5"]
        else:
            with h5py.File(io.BytesIO(content)) as file:
                self.config = json.loads(file.attrs["model_config"])
            self.weights = content

    def with_config(self, config: Config | str) -> bytes:
        """The file with another configuration."""
        text = config if isinstance(config, str) else json.dumps(config)
        if self.suffix == ".keras":
            return zipped(self.members | {"config.json": text.encode()})
        return changed_h5(self.content, lambda file: file.attrs.__setitem__("model_config", text))

    def with_weights(self, change: Callable[[h5py.File], object]) -> bytes:
        """The file with its arrays changed in place."""
        weights = changed_h5(self.weights, change)
        return weights if self.suffix == ".h5" else zipped(self.members | {"model.weights.h5": weights})


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def changed_h5(content: bytes, change: Callable[[h5py.File], object]) -> bytes:
    """An HDF5 file with a change made to it."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()
