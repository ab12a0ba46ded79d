"""Is there a gradient to follow, for every label, before any work is spent on it?"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.inversion import backend

ROWS = 64
"""Images in one batch, at most."""
IMAGES_PER_LABEL = 4


def dead_labels(
    model: keras.Model, x: npt.NDArray[np.float32], labels: Sequence[int], *, rows: int = ROWS
) -> list[int]:
    """Labels whose cross-entropy has no finite, non-zero gradient on any of a few clean images.

    model: N logits. x (n, H, W, C) in the model's domain. Cross-entropy from probabilities fails here for 7 to 25%
    of the labels of real face nets; from logits a dead label means a dead output. rows: images in one batch.
    """

    def loss(images: Any, targets: Any) -> tuple[Any, Any]:
        logits = model(images, training=False)
        of_target = ops.squeeze(ops.take_along_axis(logits, targets[:, None], axis=-1), -1)
        return ops.sum(ops.logsumexp(logits, axis=-1) - of_target), ops.zeros(())

    largest = backend.compiled(lambda images, targets: _row_max(backend.gradient(loss)(images, targets)[0]), net=model)
    wanted = np.repeat(np.asarray(labels, np.int32), IMAGES_PER_LABEL)
    images = np.resize(np.arange(min(len(x), IMAGES_PER_LABEL)), len(wanted))
    alive = np.zeros(len(wanted), bool)
    for start in range(0, len(wanted), rows):
        taken = np.arange(start, start + rows) % len(wanted)
        value = np.asarray(largest(ops.convert_to_tensor(x[images[taken]]), ops.convert_to_tensor(wanted[taken])))
        alive[taken] = np.isfinite(value) & (value > 0)
    by_label = np.any(alive.reshape(len(labels), IMAGES_PER_LABEL), axis=1)
    return [label for label, lives in zip(labels, by_label.tolist(), strict=True) if not lives]


def _row_max(gradient: Any) -> Any:
    return ops.max(ops.abs(gradient), axis=(1, 2, 3))
