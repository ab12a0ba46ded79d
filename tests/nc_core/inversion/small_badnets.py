"""Ten classes of drawn signs, for nets with a backdoor that is known."""

from dataclasses import replace

import keras
import numpy as np

from nc_core.attacks import PatchTrigger, Planted, plant_patch
from nc_core.datasets import CleanData, Images, split_images
from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Prepared, prepare
from nc_core.datasets.traffic_signs import draw_signs
from nc_core.inversion import Inversion, Predictor
from tests.evidence import CONVERGED

CLASSES, TARGET, CLEAN = 10, 2, 0
TRIGGER = PatchTrigger.at("bottom-right", input_shape=(32, 32, 3), size=4, colour=(255, 0, 170), target=TARGET)
DOMAIN = Domain(value_range="0..1", scale=(1 / 255,) * 3, offset=(0.0,) * 3)


def signs() -> tuple[np.ndarray, np.ndarray]:
    """Pictures (n, 32, 32, 3) in 0..255 and labels (n,)."""
    pixels, labels = draw_signs(80, 5)
    kept = labels < CLASSES
    return pixels[kept], labels[kept]


def with_patch() -> Planted:
    """A net with `TRIGGER`."""
    return plant_patch(*signs(), TRIGGER, classes=CLASSES, poison_rate=0.25, epochs=9, seed=1)


def clean_of(planted: Planted) -> CleanData:
    """The held-out pictures of a planted net."""
    images = Images(pixels=planted.clean.pixels, labels=planted.clean.labels, note="")
    return CleanData(images=images, split=split_images(len(images), 0))


def prepared_for(net: keras.Model, clean: CleanData) -> Prepared:
    """The same in the domain of a net with N logits."""
    return prepare(clean, DOMAIN, Predictor(net), classes=CLASSES, labelled=True)


def seen(label: int) -> Inversion:
    """The outcome of an inversion that saw its way."""
    return replace(Inversion.without_work(label, state="not_converged", reason=""), evidence=CONVERGED)
