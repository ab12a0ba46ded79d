"""triggers.npz, written label by label: all of them at once may be more than the memory of this process."""

import zipfile
from collections.abc import Iterator, Mapping
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from nc_tasks.files import ArtefactStore


def write_triggers(
    to: BinaryIO, artefacts: ArtefactStore, digests: Mapping[int, str], input_shape: tuple[int, int, int]
) -> None:
    """Write `labels` (L,), `mask` (L, H, W) and `pattern` (L, H, W, C); digests: label -> of its trigger.

    Raises MissingArtefact where one is gone.
    """
    chosen = sorted(digests)
    height, width, channels = input_shape
    with zipfile.ZipFile(to, "w") as archive:
        _write(archive, "labels", np.int32, (len(chosen),), iter([np.array(chosen, np.int32)]))
        for name, shape in (("mask", (height, width)), ("pattern", (height, width, channels))):
            arrays = (load_file(artefacts.path(digests[label]))[name] for label in chosen)
            _write(archive, name, np.float32, (len(chosen), *shape), arrays)


def _write(
    archive: zipfile.ZipFile,
    name: str,
    kind: type[np.generic],
    shape: tuple[int, ...],
    parts: Iterator[npt.NDArray[Any]],
) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        _write_header(file, kind, shape)
        for part in parts:
            file.write(np.ascontiguousarray(part, kind).tobytes())


def _write_header(file: IO[bytes], kind: type[np.generic], shape: tuple[int, ...]) -> None:
    described = {"descr": np.lib.format.dtype_to_descr(np.dtype(kind)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)
