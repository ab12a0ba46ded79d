"""What of a label's evidence can be drawn, as an artefact in safetensors."""

from pathlib import Path
from typing import Any

import numpy.typing as npt
from safetensors.numpy import load_file, save

from nc_core.detection.arrays import EvidenceArrays, Moves


def read_arrays(path: Path) -> EvidenceArrays:
    """What `arrays_to_bytes` has written."""
    arrays = load_file(path)
    moves = None
    if "counts" in arrays:
        moves = Moves(mask=arrays["mask"], pattern=arrays["pattern"], counts=arrays["counts"])
    return EvidenceArrays(perturbation=arrays.get("perturbation"), moves=moves)


def arrays_to_bytes(told: EvidenceArrays) -> bytes:
    """The contents of the file: perturbation (H, W, C); of the net mask (H, W), pattern (H, W, C) and counts (N, N)."""
    arrays: dict[str, npt.NDArray[Any]] = {} if told.perturbation is None else {"perturbation": told.perturbation}
    if told.moves is not None:
        arrays |= {"mask": told.moves.mask, "pattern": told.moves.pattern, "counts": told.moves.counts}
    return save(arrays)
