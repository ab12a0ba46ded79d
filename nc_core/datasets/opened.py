"""Data files that are open already, for the process that may open nothing itself."""

from typing import BinaryIO, Literal

from PIL import Image

from nc_core.datasets.images import Images
from nc_core.datasets.layout import Channels, Resize, Shape, Wanted
from nc_core.datasets.pictures import read_packed
from nc_core.datasets.reading import read_file

Image.init()  # Pillow would look for its decoders on first use


def read_open(
    file: BinaryIO,
    *,
    form: Literal["file", "pictures"],
    input_shape: Shape | None,
    resize: Resize | None,
    channels: Channels | None,
    labelled: bool,
) -> Images:
    """form: "file" for what `read_images` takes, folders packed; "pictures" for what `pack_pictures` made."""
    wanted = Wanted(input_shape, resize, channels)
    if form == "pictures":
        return read_packed(file, wanted)
    return read_file(file, wanted, labelled=labelled)
