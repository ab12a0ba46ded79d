"""Where the pictures of the zoo come from: drawn traffic signs, and labelled files of the user."""

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nc_core import tensors
from nc_core.datasets import Images
from nc_core.datasets.traffic_signs import CLASS_NAMES, SIDE, draw_signs
from nc_core.errors import DataRefused
from nc_core.quarantine.admit import admit_images

SIGNS, PAIRS = "signs", "sign-pairs"
"""Drawn sources; a pair is two signs side by side, and each pair of signs is a class."""
SIGN_IMAGES, PAIR_IMAGES = 300, 24
"""Of each class."""
_TRAINING = {"x_train.npy": "x.npy", "y_train.npy": "y.npy"}
"""Members of an .npz that a scan does not look at, and the names under which they are read."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """name: its file's, without the suffix. classes: with pictures. shape: (H, W, C). sha256: None of drawn ones."""

    name: str
    classes: int
    shape: tuple[int, int, int]
    sha256: str | None = None


DRAWN = (
    Source(name=SIGNS, classes=len(CLASS_NAMES), shape=(SIDE, SIDE, 3)),
    Source(name=PAIRS, classes=len(CLASS_NAMES) ** 2, shape=(SIDE, 2 * SIDE, 3)),
)


def read_source(path: Path) -> tuple[Source, Images]:
    """A labelled file or folder, of an .npz also its training part. Raises DataRefused."""
    images = read_all(path)
    assert images.labels is not None
    digest = tensors.sha256_of(path) if path.is_file() else None
    return Source(name=path.stem, classes=len(np.unique(images.labels)), shape=images.shape, sha256=digest), images


def read_all(path: Path) -> Images:
    """All labelled pictures of a file or folder; raises DataRefused."""
    parts = [_labelled(admit_images(path), path)]
    if path.suffix.lower() == ".npz":
        with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
            training = Path(folder) / "training.npz"
            if _copy_training(path, training):
                parts.append(_labelled(admit_images(training, input_shape=parts[0].shape), path))
    labels = [part.labels for part in parts if part.labels is not None]
    return Images(pixels=np.concatenate([part.pixels for part in parts]), labels=np.concatenate(labels))


def _labelled(images: Images, path: Path) -> Images:
    if images.labels is None:
        raise DataRefused(f"{path.name} has no labels: nets are trained on labelled pictures, pass such a file")
    return images


def _copy_training(path: Path, to: Path) -> bool:
    """Copy x_train and y_train, as bytes, to a file that holds nothing else; False where there are none."""
    with zipfile.ZipFile(path) as archive:
        if not _TRAINING.keys() <= set(archive.namelist()):
            return False
        with zipfile.ZipFile(to, "w") as copy:
            for name, new in _TRAINING.items():
                with archive.open(name) as source, copy.open(new, "w", force_zip64=True) as target:
                    while block := source.read(1 << 20):
                        target.write(block)
    return True


def draw(name: str, classes: int, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Pictures of a drawn source and their labels, with at least this many classes."""
    if name == PAIRS:
        return _pairs(classes, seed)
    return draw_signs(SIGN_IMAGES, seed)


def _pairs(classes: int, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """The first classes of the 256: pixels (n, 32, 64, 3), label 16 * left + right."""
    count = len(CLASS_NAMES)
    labels = np.tile(np.arange(classes, dtype=np.int32), PAIR_IMAGES)
    signs, which = draw_signs(-(-2 * len(labels) // count), seed)
    rng = np.random.default_rng([seed, 0x9A1])
    of_sign = [rng.permutation(np.flatnonzero(which == sign)) for sign in range(count)]

    def picked(wanted: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        index = np.empty(len(wanted), np.int64)
        for sign in range(count):
            places = np.flatnonzero(wanted == sign)
            index[places] = rng.choice(of_sign[sign], size=len(places))
        return signs[index]

    return np.concatenate([picked(labels // count), picked(labels % count)], axis=2), labels
