"""A file on its way here, whatever brings it; and which file of a folder is the one that is wanted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from api.client.errors import AddressRefused

Kind = Literal["model", "data"]
SUFFIXES = {
    "model": (".keras", ".h5", ".hdf5", ".onnx", ".pth", ".pt", ".safetensors"),
    "data": (".npz", ".h5", ".hdf5", ".zip", ".parquet", ".tar"),
}
SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A file that is read piece by piece.

    Args:
        name: What it is called there; not to be trusted.
        place: Its address as people may see it, with the exact revision where there is one.
        size: Bytes, None where that is not told.
        pieces: Its bytes; reading them raises AddressRefused, FetchFailed.
    """

    name: str
    place: str
    size: int | None
    pieces: Iterator[bytes]


def only_one(names: Sequence[str], kind: Kind, place: str, how: str) -> str:
    """The one of the names that is a model, or data; raises AddressRefused for none or several.

    place: what has them. how: what to write to name one of several.
    """
    wanted = SUFFIXES[kind]
    found = sorted(name for name in names if PurePosixPath(name).suffix.lower() in wanted)
    if len(found) == 1:
        return found[0]
    if not found:
        raise AddressRefused(f"{place} holds no {kind}: files named {', '.join(wanted)} are looked for")
    shown = ", ".join(found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
    raise AddressRefused(f"{place} holds {len(found)} files that may be the {kind} ({shown}): name one, as {how}")
