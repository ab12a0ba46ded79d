"""The nets of `tests.benchmarks.gpu`: 43 traffic signs and 1283 faces, real ones or of the same shape."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np

from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Part, Prepared
from nc_core.inversion import FAST, Inverter, Predictor, Profile
from nc_core.models import Compute
from nc_core.scanning.preparation import Preparation, prepare_scan
from tests.benchmarks.nets import SHARED

IMAGES, HELD_OUT = 1000, 500
"""Random pictures of a net with random weights."""
layers = keras.layers


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """net: N logits. prepared: pictures in its domain."""

    name: str
    net: keras.Model
    prepared: Prepared

    @property
    def classes(self) -> int:
        """N."""
        return self.prepared.classes

    @property
    def pixels(self) -> int:
        """H W."""
        return int(np.prod(self.prepared.fit.x.shape[1:3]))

    def inverter(self, profile: Profile, slots: int, compute: Compute) -> Inverter:
        """What looks at its labels."""
        return Inverter(self.net, self.prepared, profile=profile, slots=min(slots, self.classes), compute=compute)


def subjects() -> list[Subject]:
    """The net of 43 labels and the one of 1283."""
    return [signs(), faces()]


def signs() -> Subject:
    """A GTSRB BadNet."""
    model, data = SHARED / "models/oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5", SHARED / "data/gtsrb_32.npz"
    if not (model.exists() and data.exists()):
        return of_random_weights("43 labels, random weights", signs_net)
    return _real("GTSRB BadNet, 43 labels", partial(prepare_scan, model, data, value_range="0..1"))


def faces() -> Subject:
    """A face BadNet, with strangers' faces."""
    model, data = SHARED / "models/sunglasses_bd_net.h5", SHARED / "data/lfw_faces_55x47_unlabelled.h5"
    if not (model.exists() and data.exists()):
        return of_random_weights("1283 labels, random weights", faces_net)
    return _real("face BadNet (sunglasses), 1283 labels", partial(prepare_scan, model, data, unlabelled=True))


def _real(name: str, prepared: Callable[..., Preparation]) -> Subject:
    preparation = prepared(profile=FAST)
    return Subject(name=name, net=preparation.model, prepared=preparation.data())


def of_random_weights(name: str, make: Callable[[], keras.Model]) -> Subject:
    """A net that nobody has trained, and pictures of noise."""
    keras.utils.set_random_seed(0)
    net = make()
    shape = tuple(net.input_shape[1:])
    x = np.random.default_rng(0).random((IMAGES + 2 * HELD_OUT, *shape), np.float32)
    y = Predictor(net)(x).argmax(axis=1).astype(np.int32)
    fit, holdout, repair = (
        Part(x=x[a:b], y=y[a:b]) for a, b in ((0, IMAGES), (IMAGES, IMAGES + HELD_OUT), (IMAGES + HELD_OUT, len(x)))
    )
    scale = (1 / 255,) * shape[-1]
    prepared = Prepared(
        fit=fit,
        holdout=holdout,
        repair=repair,
        labelled=False,
        domain=Domain(value_range="0..1", scale=scale, offset=(0.0,) * shape[-1]),
        classes=net.output_shape[-1],
    )
    return Subject(name=name, net=net, prepared=prepared)


def signs_net(pooling: type[keras.layers.Layer] = layers.MaxPooling2D) -> keras.Model:
    """The shape of the GTSRB BadNet: six convolutions of 3x3 in three stages, on 32x32x3."""
    x = image = layers.Input((32, 32, 3))
    for filters in (16, 32, 64):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same")(x)
            x = layers.BatchNormalization()(layers.ReLU()(x))
        x = pooling(2)(x)
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return keras.Model(image, layers.Dense(43)(layers.BatchNormalization()(x)))


def faces_net() -> keras.Model:
    """DeepID on faces of 55x47x3 (Sun et al., CVPR 2014), as the face BadNets have it."""
    x = image = layers.Input((55, 47, 3))
    for filters, kernel in ((20, 4), (40, 3), (60, 3)):
        x = layers.MaxPooling2D()(layers.Conv2D(filters, kernel, activation="relu")(x))
    wide = layers.Flatten()(layers.Conv2D(80, 2, activation="relu")(x))
    both = layers.Add()([layers.Dense(160)(layers.Flatten()(x)), layers.Dense(160)(wide)])
    return keras.Model(image, layers.Dense(1283)(layers.ReLU()(both)))
