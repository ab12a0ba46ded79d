"""Clean data as one safetensors file: read once from what was submitted, then mapped by every worker."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from nc_core import tensors
from nc_core.datasets.images import Images
from nc_core.datasets.split import Split
from nc_core.errors import DataRefused

_FORM = "clean-data-1"


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
        return tensors.save(path, arrays, json.dumps({"form": _FORM, "note": self.images.note}, sort_keys=True))

    @classmethod
    def load(cls, path: Path, sha256: str | None = None) -> "CleanData":
        """Map the file read-only; raises DataRefused where it is no such file or its digest is another."""
        if sha256 is not None and tensors.sha256_of(path) != sha256:
            raise DataRefused(f"clean data {path.name} does not have the digest {sha256}; submit the data again")
        try:
            with path.open("rb") as file:
                arrays, text = tensors.read(file)
            header = json.loads(text)
            return cls(
                images=Images(pixels=arrays["pixels"], labels=arrays.get("labels"), note=header["note"]),
                split=Split(fit=arrays["fit"], holdout=arrays["holdout"], repair=arrays["repair"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise DataRefused(f"{path.name} is no clean data file of this version; submit the data again") from fault
