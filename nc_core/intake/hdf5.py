"""HDF5 without surprises: one file, hard links only, no data elsewhere, no third-party filters, finite float arrays."""

from collections.abc import Callable, Iterable
from functools import wraps
from math import prod
from typing import Any, BinaryIO, ParamSpec, TypeVar

import h5py
import numpy as np

from nc_core.errors import ModelRefused
from nc_core.intake.container import check_hdf5
from nc_core.intake.floats import Floats, finite_floats
from nc_core.intake.limits import JSON_CHARACTERS, LAYERS, NAME_CHARACTERS, unpacked_limit
from nc_core.intake.wording import shown

FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
"""Filters that come with h5py; any other would have the HDF5 library search the disk for a plug-in."""

NAMES = 4 * LAYERS
"""Entries of one list of names; a layer has at most four arrays."""


ATTRIBUTE_BYTES = JSON_CHARACTERS
"""Stored size of one attribute."""

PATH_CHARACTERS = 16 * NAME_CHARACTERS
"""Of the name of one array: the names of the nested models around it."""

P = ParamSpec("P")
R = TypeVar("R")


def _damage_refused(function: Callable[P, R]) -> Callable[P, R]:
    """h5py answers a damaged file with any of these errors, from any call that touches it."""

    @wraps(function)
    def guarded(*args: P.args, **keywords: P.kwargs) -> R:
        try:
            return function(*args, **keywords)
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError):
            raise ModelRefused("the HDF5 file is cut off or damaged: copy it again") from None
        except MemoryError:
            raise ModelRefused(
                "the HDF5 file asks for more memory than there is for it: it is damaged, or declares more than it holds"
            ) from None

    return guarded


@_damage_refused
def open_hdf5(file: BinaryIO) -> Any:
    """An h5py.File of an open file, for reading; ModelRefused where the file is damaged.

    Through an open file HDF5 has no name and no folder from which it could open others.
    """
    check_hdf5(file)
    return h5py.File(file, "r")


@_damage_refused
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
                "here are files that hold their own arrays: save the model again"
            )
        group = group[part]
    return group


def group_at(group: Any, path: str) -> Any | None:
    """Like `find`, for a group."""
    found = find(group, path)
    return found if isinstance(found, h5py.Group) else None


@_damage_refused
def members(group: Any) -> list[str]:
    """The names of all that a group holds."""
    return list(group)


@_damage_refused
def refuse_others(group: Any, known: Iterable[str]) -> None:
    """Raise ModelRefused where something stands beside the parts known: it may be a second set of weights."""
    tops = {name.split("/")[0] for name in known}
    other = next((name for name in group if name not in tops), None)
    if other is not None:
        raise ModelRefused(
            f"the HDF5 file also holds {shown(other)}, which is no part of the model: load it where you trust it and "
            "save it again"
        )


def _attribute(item: Any, name: str) -> Any:
    """The value of an attribute whose size was looked at first."""
    stored = item.attrs.get_id(name)
    entries = prod(stored.shape or ())
    size = entries * stored.dtype.itemsize
    if entries > NAMES or size > ATTRIBUTE_BYTES:
        raise ModelRefused(
            f"the attribute {name!r} of the HDF5 file has {entries:,} entries in {size:,} bytes; the limits "
            f"are {NAMES:,} and {ATTRIBUTE_BYTES:,}"
        )
    return item.attrs[name]


@_damage_refused
def text_attribute(item: Any, name: str) -> str | None:
    """A text attribute; None where there is none."""
    if name not in item.attrs:
        return None
    text = _text(_attribute(item, name))
    if text is None:
        raise ModelRefused(f"the attribute {name!r} of the HDF5 file is no text: save the model again")
    return text


def _text(value: Any) -> str | None:
    """UnicodeDecodeError, which is a ValueError, where it is no UTF-8."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value if isinstance(value, str) else None


@_damage_refused
def names_attribute(group: Any, name: str) -> list[str] | None:
    """A list of names; Keras splits long ones into name0, name1, ... None where there is none."""
    if name in group.attrs:
        if f"{name}0" in group.attrs:
            raise ModelRefused(f"the HDF5 file has both {name!r} and {name + '0'!r}: save the model again")
        return _names(group, name)
    found: list[str] | None = None
    chunk = 0
    while f"{name}{chunk}" in group.attrs:
        found = (found or []) + _names(group, f"{name}{chunk}")
        chunk += 1
        if len(found) > NAMES or chunk > NAMES:
            raise ModelRefused(
                f"the attribute {name!r} of the HDF5 file has over {NAMES:,} entries, the limit: submit a smaller net"
            )
    return found


def _names(group: Any, name: str) -> list[str]:
    values = np.asarray(_attribute(group, name))
    if values.ndim != 1:
        raise ModelRefused(f"the attribute {name!r} of the HDF5 file is no list of names: save the model again")
    texts = [_text(value) for value in values.tolist()]
    longest = max((len(text) for text in texts if text is not None), default=0)
    if longest > PATH_CHARACTERS:
        raise ModelRefused(
            f"the attribute {name!r} of the HDF5 file holds a name of {longest:,} characters; the limit is "
            f"{PATH_CHARACTERS:,}"
        )
    if None in texts:
        raise ModelRefused(f"the attribute {name!r} of the HDF5 file is no list of names: save the model again")
    return [text for text in texts if text is not None]


@_damage_refused
def dataset_at(group: Any, path: str) -> Any:
    """A dataset whose data lies in this file; ModelRefused otherwise."""
    found = find(group, path)
    if not isinstance(found, h5py.Dataset):
        raise ModelRefused(f"the HDF5 file has no array {shown(path)}, which it names: save the model again")
    settings = found.id.get_create_plist()
    if found.is_virtual or settings.get_external_count():
        raise ModelRefused(f"array {shown(path)} of the HDF5 file keeps its data in another file: save the model again")
    filters = [settings.get_filter(i)[0] for i in range(settings.get_nfilters())]
    unknown = [code for code in filters if code not in FILTERS]
    if unknown:
        raise ModelRefused(
            f"array {shown(path)} is compressed with HDF5 filter {unknown[0]}; read here are "
            f"{', '.join(FILTERS.values())}: save the model again without compression"
        )
    _check_chunks(found, path)
    # Both are read from the file on first use: better here than where nobody expects a damaged one.
    _ = found.shape, found.dtype
    return found


def _check_chunks(dataset: Any, path: str) -> None:
    """HDF5 takes the memory of a whole chunk, however little of it there is."""
    size = prod(dataset.chunks or ()) * dataset.dtype.itemsize
    limit = unpacked_limit(dataset.file.id.get_filesize())
    if size > limit:
        raise ModelRefused(
            f"array {shown(path)} of the HDF5 file is stored in chunks of {size:,} bytes; the limit for a file of its "
            f"size is {limit:,}: save the model again"
        )


@_damage_refused
def numbered(group: Any) -> list[Any]:
    """The datasets "0", "1", ... of a group that holds nothing else."""
    return [dataset_at(group, str(n)) for n in range(len(group))]


@_damage_refused
def read_floats(dataset: Any, what: str) -> Floats:
    """A float array as finite float32. `what` names it in messages; the caller has checked shape and size."""
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize not in (2, 4, 8):
        raise ModelRefused(
            f"{what} hold {str(dataset.dtype)[:40]}; read here are float16, float32 and float64: save them as float32"
        )
    if "dtype" in dataset.attrs:
        raise ModelRefused(
            f"{what} are to be rounded to {shown(dataset.attrs['dtype'])} when they are read: save them as float32"
        )
    if dataset.size and not dataset.id.get_storage_size():
        raise ModelRefused(f"{what} were declared but never written to the file: save the model again")
    return finite_floats(np.asarray(dataset[()]), what)
