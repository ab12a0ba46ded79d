"""The Keras layout: .npz with x_test and y_test, else x and y; labels are optional. Nothing is unpickled."""

import tokenize
import zipfile
import zlib
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from nc_core.datasets.arrays import images_of
from nc_core.datasets.budget import check_decoded
from nc_core.datasets.images import Images
from nc_core.datasets.layout import Wanted
from nc_core.errors import DataRefused

_PAIRS = (("x_test", "y_test"), ("x", "y"))


def read_npz(source: BinaryIO, wanted: Wanted, *, labelled: bool) -> Images:
    """Read an open .npz file; y is not looked at unless `labelled`. Raises DataRefused."""
    try:
        with zipfile.ZipFile(source) as archive:
            x, y = _pair(archive)
            pixels = _array(archive, x)
            labels = _array(archive, y) if labelled and _member(y) in archive.namelist() else None
    except (
        OSError,
        ValueError,
        EOFError,
        TypeError,  # numpy sorts the keys of a header, which may be of any type
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
        SyntaxError,  # numpy reads headers, and types among them, by Python's own parser
        tokenize.TokenError,  # and those of Python 2 by its tokenizer
    ) as fault:
        raise DataRefused(
            "the .npz file is damaged, encrypted, or holds what is no plain array; write it again with np.savez"
        ) from fault
    return images_of(pixels, labels, wanted, f"npz file ({x})")


def _member(name: str) -> str:
    return f"{name}.npy"


def _pair(archive: zipfile.ZipFile) -> tuple[str, str]:
    names = set(archive.namelist())
    for x, y in _PAIRS:
        if _member(x) in names:
            return x, y
    found = ", ".join(sorted(name.removesuffix(".npy")[:40] for name in names)[:8])
    raise DataRefused(f"the .npz file holds {found}; expected x_test (and y_test), or x (and y)")


def _array(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    """One member, its header judged before any memory is taken."""
    with archive.open(_member(name)) as file:
        shape, dtype = _header(file, name)
    if dtype.hasobject:
        raise DataRefused(f"{name} holds pickled Python objects, which are never loaded; store plain numbers")
    check_decoded(shape, dtype, name, archive.getinfo(_member(name)).compress_size)
    with archive.open(_member(name)) as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _header(file: Any, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise DataRefused(f"{name} is no plain array (npy version {version[0]}.{version[1]}); store plain numbers")
    shape, _, dtype = readers[version](file)
    return shape, dtype
