"""One door for every data file: the format is told by the content, since stored artefacts have no suffix."""

import zipfile
from pathlib import Path

import h5py

from nc_core.datasets.csaw import read_csaw
from nc_core.datasets.images import Images, check_clean
from nc_core.datasets.layout import Resize, Shape, Wanted
from nc_core.datasets.npz import read_npz
from nc_core.datasets.pictures import read_folder, read_zip
from nc_core.errors import DataRefused

ACCEPTED = (
    "CSAW .h5 (data, label), Keras .npz (x_test, y_test or x, y), a folder of pictures with one sub-folder "
    "per class, or a zip of such a folder"
)


def read_images(
    path: Path,
    *,
    input_shape: Shape | None = None,
    resize: Resize | None = None,
    labelled: bool = True,
    poisoned: bool = False,
) -> Images:
    """Read clean data, or known poison, in any accepted format.

    input_shape: (h, w, c) of the model; decides the layout and whether pictures are opened grey.
    resize: bring images of another size to it with Pillow; otherwise they are refused.
    labelled: False leaves labels in the file aside.
    poisoned: known poison may be few images, and all of one class.

    Raises DataRefused, whose text says what was found, what is expected and what to pass, and OptionRefused
    on a bad resize.
    """
    images = _read(path, Wanted(input_shape, resize).check(), labelled)
    if not poisoned:
        check_clean(images)
    return images


def _read(path: Path, wanted: Wanted, labelled: bool) -> Images:
    if path.is_dir():
        return read_folder(path, wanted, labelled=labelled)
    if not path.is_file():
        raise DataRefused(f"{path}: no such file or folder; pass {ACCEPTED}")
    if path.stat().st_size == 0:
        raise DataRefused(f"the data file is empty (0 bytes); pass {ACCEPTED}")
    if h5py.is_hdf5(path):
        return read_csaw(path, wanted, labelled=labelled)
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            raise DataRefused(f"the data file is of no known format; pass {ACCEPTED}")
    if _is_npz(path):
        return read_npz(path, wanted, labelled=labelled)
    return read_zip(path, wanted, labelled=labelled)


def _is_npz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as fault:
        raise DataRefused(
            f"the .npz or .zip file is damaged or cut short; copy it again, or pass {ACCEPTED}"
        ) from fault
