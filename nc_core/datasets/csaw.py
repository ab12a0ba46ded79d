"""The CSAW layout: an HDF5 file with `data` (N x C x H x W or N x H x W x C) and, optionally, `label`."""

from math import prod
from typing import Any, BinaryIO

import h5py

from nc_core.datasets.arrays import images_of
from nc_core.datasets.budget import check_decoded
from nc_core.datasets.images import Images
from nc_core.datasets.layout import Wanted
from nc_core.datasets.pixels import BLOCK_VALUES, Source
from nc_core.errors import DataRefused

_MAX_NAMED = 8


def read_csaw(source: BinaryIO, wanted: Wanted, *, labelled: bool) -> Images:
    """Read an open HDF5 file; `label` is not looked at unless `labelled`. Raises DataRefused."""
    try:
        with h5py.File(source, "r") as file:
            data = _own_dataset(file, "data")
            if data is None:
                raise DataRefused(f"the HDF5 file holds {_names(file)}; expected `data` (and `label`)")
            return images_of(_source(data), _labels(file) if labelled else None, wanted, "CSAW file")
    except (OSError, RuntimeError, KeyError) as fault:  # what h5py raises on damaged files
        raise DataRefused(f"the HDF5 file is damaged or cut short ({str(fault)[:120]}); copy it again") from fault


def _source(data: h5py.Dataset) -> Source:
    """The data set, to be read in blocks; read whole where each of its chunks spans several blocks."""
    check_decoded(data.shape, data.dtype, "an array of images")
    source: Source = data if prod(data.chunks or ()) <= BLOCK_VALUES else data[()]
    return source


def _labels(file: h5py.File) -> Any:
    labels = _own_dataset(file, "label")
    if labels is None:
        return None
    check_decoded(labels.shape, labels.dtype, "an array of labels")
    return labels[()]


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
