"""Logits of many images in batches of one shape, so that the net is traced once."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.datasets.prepared import Part, Predict
from nc_core.evaluation import attack_success_rate
from nc_core.intake.cost import BYTES_FORWARD
from nc_core.inversion import backend
from nc_core.inversion.trigger import Trigger
from nc_core.models import forward_floats

PREDICT_BYTES = 512 * 2**20
"""Memory of one batch: all 256 pictures of most nets for 32x32x3, eight of a MobileNetV2 at 224x224, and one where even
that is more than this."""

HOLDOUT_IMAGES = 500
"""Held-out images that a kept trigger is measured on: a standard error of 0.4 points at a rate of 0.99, for 6% of an
inversion's time; 1000 would take twice as much."""
STAMPED_AT_ONCE = 250


class Predictor:
    """Calls a net without its dropout: images (n, H, W, C) in the model's domain -> logits (n, N)."""

    def __init__(self, model: keras.Model, *, batch: int = 256) -> None:
        self.batch = max(1, min(batch, int(PREDICT_BYTES / BYTES_FORWARD) // max(forward_floats(model), 1)))
        self._call = backend.compiled(lambda x: model(x, training=False), net=model)

    def __call__(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Logits of every image, in order."""
        parts = [self._padded(x[start : start + self.batch]) for start in range(0, len(x), self.batch)]
        return np.concatenate(parts)

    def _padded(self, part: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        missing = self.batch - len(part)
        full: Any = np.concatenate([part, np.repeat(part[:1], missing, axis=0)]) if missing else part
        return np.asarray(self._call(ops.convert_to_tensor(full)))[: len(part)]


def sent_elsewhere(
    predict: Predict, part: Part, label: int, *, entropy: Sequence[int], wanted: int
) -> npt.NDArray[np.intp]:
    """Indices of images that neither are of the label nor are answered so, in a random order of this entropy.

    Of twice as many as are wanted, so that about as many are left where half are answered so.
    """
    order = np.random.default_rng(entropy).permutation(np.flatnonzero(part.y != label))[: 2 * wanted]
    return order[predict(part.x[order]).argmax(axis=1) != label] if len(order) else order


def holdout_rate(predict: Predict, holdout: Part, label: int, trigger: Trigger) -> float | None:
    """Attack success rate of a trigger on held-out images that are not of the label; None where there are none."""
    others = np.flatnonzero(holdout.y != label)[:HOLDOUT_IMAGES]
    if len(others) == 0:
        return None
    pieces = (others[start : start + STAMPED_AT_ONCE] for start in range(0, len(others), STAMPED_AT_ONCE))
    predicted = [predict(trigger.stamp(holdout.x[piece])).argmax(axis=1) for piece in pieces]
    return attack_success_rate(np.concatenate(predicted), holdout.y[others], label)
