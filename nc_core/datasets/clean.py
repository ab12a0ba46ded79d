"""Clean data as one safetensors file: read once from what was submitted, then mapped by every worker."""

import hashlib
import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from nc_core.datasets.images import Images
from nc_core.datasets.split import Split
from nc_core.errors import DataRefused

_FORM = "clean-data-1"
_TYPES = {"U8": np.uint8, "F32": np.float32, "I32": np.int32, "I64": np.int64}


@dataclass(frozen=True, kw_only=True)
class CleanData:
    """Images and their split."""

    images: Images
    split: Split

    def save(self, path: Path) -> str:
        """Write the file; the same data gives the same bytes. Returns its sha256 in hex."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "pixels": self.images.pixels,
            "fit": self.split.fit,
            "holdout": self.split.holdout,
            "repair": self.split.repair,
        }
        if self.images.labels is not None:
            arrays["labels"] = self.images.labels
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        header = json.dumps({"form": _FORM, "note": self.images.note}, sort_keys=True)
        save_file(contiguous, str(path), metadata={"cleanse": header})
        return _sha256(path)

    @classmethod
    def load(cls, path: Path, sha256: str | None = None) -> "CleanData":
        """Map the file read-only; raises DataRefused where it is no such file or its digest is another."""
        if sha256 is not None and _sha256(path) != sha256:
            raise DataRefused(f"clean data {path.name} does not have the digest {sha256}; submit the data again")
        try:
            arrays, metadata = _map(path)
            header = json.loads(metadata["cleanse"])
            return cls(
                images=Images(pixels=arrays["pixels"], labels=arrays.get("labels"), note=header["note"]),
                split=Split(fit=arrays["fit"], holdout=arrays["holdout"], repair=arrays["repair"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise DataRefused(f"{path.name} is no clean data file of this version; submit the data again") from fault


def _map(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """The arrays of a safetensors file as views of one mapping (safetensors' own numpy reader copies)."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise ValueError("header longer than the file")
        header: dict[str, Any] = json.loads(file.read(length))
    metadata = header.pop("__metadata__", {})
    whole = np.asarray(np.memmap(path, np.uint8, mode="r", offset=8 + length))
    return {name: _view(whole, entry) for name, entry in header.items()}, metadata


def _view(whole: npt.NDArray[np.uint8], entry: dict[str, Any]) -> npt.NDArray[Any]:
    start, end = entry["data_offsets"]
    dtype = np.dtype(_TYPES[entry["dtype"]])
    if end > len(whole) or end - start != prod(entry["shape"]) * dtype.itemsize:
        raise ValueError("an array does not lie inside the file")
    return whole[start:end].view(dtype).reshape(entry["shape"])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
