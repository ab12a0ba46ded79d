"""The CSAW layout: an HDF5 file with `data` (N x C x H x W or N x H x W x C) and, optionally, `label`."""

from math import prod
from typing import Any, BinaryIO

import h5py
import numpy as np

from nc_core.datasets.arrays import images_of
from nc_core.datasets.budget import check_decoded
from nc_core.datasets.images import Images
from nc_core.datasets.layout import Wanted
from nc_core.datasets.pixels import BLOCK_VALUES, Source
from nc_core.errors import DataRefused
from nc_core.intake.hdf5 import FILTERS

_MAX_NAMED = 8


def read_csaw(source: BinaryIO, wanted: Wanted, *, labelled: bool) -> Images:
    """Read an open HDF5 file; `label` is not looked at unless `labelled`. Raises DataRefused."""
    try:
        with h5py.File(source, "r") as file:
            data = _own_dataset(file, "data")
            if data is None:
                raise DataRefused(f"the HDF5 file holds {_names(file)}; expected `data` (and `label`)")
            return images_of(_source(data), _labels(file) if labelled else None, wanted, "CSAW file")
    except (
        OSError,
        RuntimeError,
        KeyError,
        ValueError,
        TypeError,
        OverflowError,
    ) as fault:  # what h5py raises on damaged files
        raise DataRefused("the HDF5 file is damaged or cut short; copy it again") from fault


def _source(data: h5py.Dataset) -> Source:
    """The data set, to be read in blocks; read whole where each of its chunks spans several blocks."""
    _check_stored(data, "an array of images")
    source: Source = data if prod(data.chunks or ()) <= BLOCK_VALUES else data[()]
    return source


def _check_stored(dataset: h5py.Dataset, what: str) -> None:
    """Raise DataRefused where the data set, or one of its chunks, unpacks to more than what is stored allows."""
    stored = dataset.id.get_storage_size()
    check_decoded(dataset.shape, dataset.dtype, what, stored)
    if dataset.chunks:
        check_decoded(dataset.chunks, dataset.dtype, f"a chunk of {what}", stored)
    filters = dataset.id.get_create_plist()
    unknown = [code for at in range(filters.get_nfilters()) if (code := filters.get_filter(at)[0]) not in FILTERS]
    if unknown:
        raise DataRefused(
            f"{what} is compressed with HDF5 filter {unknown[0]}; read here are {', '.join(FILTERS.values())}: store "
            "it without compression"
        )


def _labels(file: h5py.File) -> Any:
    labels = _own_dataset(file, "label")
    if labels is None:
        return None
    _check_stored(labels, "an array of labels")
    return np.asarray(labels[()])  # a single text comes as bytes


def _own_dataset(file: h5py.File, name: str) -> h5py.Dataset | None:
    """The data set of that name; DataRefused where HDF5 would open other files of this machine for it."""
    if name not in file:
        return None
    dataset = file[name] if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual or dataset.shape is None:
        raise DataRefused(f"`{name}` is no plain array stored in the file itself; store it as a data set")
    return dataset


def _names(file: h5py.File) -> str:
    names = [f"`{name[:40]}`" for name, _ in zip(file, range(_MAX_NAMED), strict=False)]
    return ", ".join(names) if names else "nothing"
