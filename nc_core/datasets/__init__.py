"""Clean and poisoned data: read from untrusted files or memory, brought to one form, split once. No TensorFlow here."""

from nc_core.datasets.clean import CleanData
from nc_core.datasets.images import MIN_IMAGES, Images, check_labels
from nc_core.datasets.layout import Resize
from nc_core.datasets.memory import read_memory
from nc_core.datasets.packing import pack_folder, pack_pictures
from nc_core.datasets.pictures import read_pictures
from nc_core.datasets.reading import read_images
from nc_core.datasets.split import Split, split_images

__all__ = [
    "MIN_IMAGES",
    "CleanData",
    "Images",
    "Resize",
    "Split",
    "check_labels",
    "pack_folder",
    "pack_pictures",
    "read_images",
    "read_memory",
    "read_pictures",
    "split_images",
]
