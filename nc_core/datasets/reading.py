"""One reader for every data file: the format is told by the content, since stored artefacts have no suffix."""

import zipfile
from pathlib import Path
from typing import BinaryIO

from nc_core.datasets.csaw import read_csaw
from nc_core.datasets.images import Images, check_clean
from nc_core.datasets.layout import Channels, Resize, Shape, Wanted
from nc_core.datasets.npz import read_npz
from nc_core.datasets.pictures import read_folder, read_zip
from nc_core.datasets.sharded import read_shard, read_shards_folder, read_shards_zip
from nc_core.datasets.shards import PARQUET, PARQUET_MAGIC, TAR, TAR_MAGIC, TAR_MAGIC_AT, are_shards, folder_names
from nc_core.errors import DataRefused

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
ACCEPTED = (
    "CSAW .h5 (data, label), Keras .npz (x_test, y_test or x, y), a folder of pictures with one sub-folder "
    "per class, Parquet (image, label) or WebDataset .tar (KEY.jpg, KEY.cls), a folder of either, or a zip of a folder"
)


def read_images(
    path: Path,
    *,
    input_shape: Shape | None = None,
    resize: Resize | None = None,
    channels: Channels | None = None,
    labelled: bool = True,
    poisoned: bool = False,
) -> Images:
    """Read clean data, or known poison, in any accepted format.

    input_shape: (h, w, c) of the model; decides the layout.
    resize: bring images of another size to it with Pillow; otherwise they are refused.
    channels: take colour images as "grey", or grey ones as "rgb"; otherwise they are refused.
    labelled: False leaves labels in the file aside.
    poisoned: known poison may be few images, and all of one class.

    Raises DataRefused, whose text says what was found, what is expected and what to pass, and OptionRefused
    on a bad resize. It reads in this process: what users hand in goes through `nc_core.quarantine`.
    """
    wanted = Wanted(input_shape, resize, channels).check()
    if path.is_dir():
        read = read_shards_folder if are_shards(folder_names(path)) else read_folder
        images = read(path, wanted, labelled=labelled)
    else:
        check_file(path)
        with path.open("rb") as file:
            images = read_file(file, wanted, labelled=labelled)
    if not poisoned:
        check_clean(images)
    return images


def check_file(path: Path) -> None:
    """Raise DataRefused unless the path is a file that holds something; its bytes are not looked at."""
    if not path.is_file():
        raise DataRefused(f"{path}: no such file or folder; pass {ACCEPTED}")
    if path.stat().st_size == 0:
        raise DataRefused(f"the data file is empty (0 bytes); pass {ACCEPTED}")


def read_file(file: BinaryIO, wanted: Wanted, *, labelled: bool) -> Images:
    """An open file of any accepted format; raises DataRefused."""
    file.seek(0)
    start = file.read(TAR_MAGIC_AT + len(TAR_MAGIC))
    if start.startswith(HDF5_MAGIC):
        return read_csaw(file, wanted, labelled=labelled)
    if start.startswith(PARQUET_MAGIC):
        return read_shard(file, PARQUET, wanted, labelled=labelled)
    if start[TAR_MAGIC_AT:] == TAR_MAGIC:
        return read_shard(file, TAR, wanted, labelled=labelled)
    if not start.startswith(b"PK"):
        raise DataRefused(f"the data file is of no known format; pass {ACCEPTED}")
    names = _names(file)
    if any(name.endswith(".npy") for name in names):
        return read_npz(file, wanted, labelled=labelled)
    read = read_shards_zip if are_shards(names) else read_zip
    return read(file, wanted, labelled=labelled)


def _names(file: BinaryIO) -> list[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as fault:
        raise DataRefused(
            f"the .npz or .zip file is damaged or cut short; copy it again, or pass {ACCEPTED}"
        ) from fault
