"""HDF5 without surprises: hard links only, no data elsewhere, no third-party filters, finite float arrays."""

from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
import numpy.typing as npt

from nc_core.errors import ModelRefused
from nc_core.intake.layers import shown
from nc_core.intake.limits import LAYERS

FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
"""Filters that come with h5py; any other would have the HDF5 library search the disk for a plug-in."""

NAMES = 16 * LAYERS
"""Entries of one list of names; a layer has at most four arrays."""


def open_hdf5(source: Path | BinaryIO) -> Any:
    """An h5py.File open for reading; ModelRefused where the file is damaged."""
    try:
        # Without locking a read-only folder will do.
        return h5py.File(source, "r", locking=False) if isinstance(source, Path) else h5py.File(source, "r")
    except (OSError, RuntimeError, ValueError):
        raise ModelRefused("the HDF5 file is cut off or damaged: copy it again") from None


def find(group: Any, path: str) -> Any | None:
    """The group or dataset at `path` below `group`, following hard links alone; None where there is none."""
    for part in path.split("/"):
        if not isinstance(group, h5py.Group):
            return None
        link = group.get(part, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ModelRefused(
                f"{shown(path)} in the HDF5 file is a {type(link).__name__}, which points elsewhere; read "
                "here are files "
                "that hold their own arrays: save the model again"
            )
        try:
            group = group[part]
        except (KeyError, OSError, RuntimeError):
            raise ModelRefused(f"{shown(path)} in the HDF5 file is damaged: copy the file again") from None
    return group


def group_at(group: Any, path: str) -> Any | None:
    """Like `find`, for a group."""
    found = find(group, path)
    return found if isinstance(found, h5py.Group) else None


def text_attribute(item: Any, name: str) -> str | None:
    """A text attribute; None where there is none."""
    if name not in item.attrs:
        return None
    try:
        value = item.attrs[name]
    except (OSError, TypeError, ValueError, RuntimeError):
        value = None
    text = _text(value)
    if text is None:
        raise ModelRefused(f"the attribute {name!r} of the HDF5 file is no text: save the model again")
    return text


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if isinstance(value, str) else None


def names_attribute(group: Any, name: str) -> list[str] | None:
    """A list of names; Keras splits long ones into name0, name1, ... None where there is none."""
    if name in group.attrs:
        return _names(group, name)
    found: list[str] | None = None
    chunk = 0
    while f"{name}{chunk}" in group.attrs:
        found = (found or []) + _names(group, f"{name}{chunk}")
        chunk += 1
        if len(found) > NAMES or chunk > NAMES:
            raise ModelRefused(
                f"the attribute {name!r} of the HDF5 file has over {NAMES:,} entries, the limit"
            )
    return found


def _names(group: Any, name: str) -> list[str]:
    try:
        values = np.atleast_1d(group.attrs[name])
    except (OSError, TypeError, ValueError, RuntimeError):
        values = np.zeros(1)
    if values.size > NAMES:
        raise ModelRefused(
            f"the attribute {name!r} of the HDF5 file has {values.size:,} entries; the limit is {NAMES:,}"
        )
    texts = [_text(value) for value in values.reshape(-1).tolist()]
    if None in texts:
        raise ModelRefused(
            f"the attribute {name!r} of the HDF5 file is no list of names: save the model again"
        )
    return [text for text in texts if text is not None]


def dataset_at(group: Any, path: str) -> Any:
    """A dataset whose data lies in this file; ModelRefused otherwise."""
    found = find(group, path)
    if not isinstance(found, h5py.Dataset):
        raise ModelRefused(f"the HDF5 file has no array {shown(path)}, which it names: save the model again")
    settings = found.id.get_create_plist()
    if found.is_virtual or settings.get_external_count():
        raise ModelRefused(
            f"array {shown(path)} of the HDF5 file keeps its data in another file: save the model again"
        )
    filters = [settings.get_filter(i)[0] for i in range(settings.get_nfilters())]
    unknown = [code for code in filters if code not in FILTERS]
    if unknown:
        raise ModelRefused(
            f"array {shown(path)} is compressed with HDF5 filter {unknown[0]}; read here are "
            f"{', '.join(FILTERS.values())}: "
            "save the model again without compression"
        )
    return found


def read_floats(dataset: Any, what: str) -> npt.NDArray[np.float32]:
    """A float array as finite float32. `what` names it in messages; the caller has checked shape and size."""
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize not in (2, 4, 8):
        raise ModelRefused(
            f"{what} hold {dataset.dtype}; read here are float16, float32 and float64: save them as float32"
        )
    if dataset.size and not dataset.id.get_storage_size():
        raise ModelRefused(f"{what} were declared but never written to the file: save the model again")
    try:
        values = np.asarray(dataset[()])
    except (OSError, ValueError, RuntimeError):
        raise ModelRefused(f"{what} cannot be read: the file is cut off or damaged; copy it again") from None
    with np.errstate(over="ignore", under="ignore"):
        array = np.ascontiguousarray(values, dtype=np.float32)
    finite = np.isfinite(array)
    if not finite.all():
        found = "NaN" if np.isnan(array).any() else "infinity"
        raise ModelRefused(
            f"{what} hold {found} ({array.size - int(finite.sum()):,} of {array.size:,} values): such a "
            "net answers "
            "nothing; submit one whose training did not diverge"
        )
    return array
