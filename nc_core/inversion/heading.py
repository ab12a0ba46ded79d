"""Does a label's gradient lead anywhere? A gradient may be there and be nothing but the rounding of terms that cancel.

A net that rounds its pixels has a gradient of zero almost everywhere, and one made of ramps that cancel may leave a
remainder of float32 that looks like one. What tells them apart is what a gradient is for: after a small step along it
the loss is lower than after one against it (symptoms of obfuscated gradients, Athalye et al. 2018, section 3.1).
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.inversion import backend

IMAGES = 24
"""Clean images that a step is tried on: a gradient of noise passes for one that leads with 8 labels of 10,000."""
FEWEST = 8
"""Images of other classes below which nothing is said."""
STEPS = (8 / 255, 32 / 255)
"""Of the range: two sizes, since a net may be rough in the small or curved in the large."""


class Heading:
    """Of the labels of one net.

    scores: N outputs. factor: what brings them to the usual spread. rows: images in one batch, at most.
    """

    def __init__(self, scores: keras.Model, *, factor: float, rows: int = IMAGES) -> None:
        self._rows = max(1, rows)
        scale = np.float32(factor)

        def loss(shown: Any, target: Any) -> tuple[Any, Any]:
            logits = scores(shown, training=False)
            logits = (logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))) * scale
            wanted = ops.take_along_axis(logits, target[:, None], axis=-1)
            each = ops.logsumexp(logits, axis=-1) - ops.squeeze(wanted, -1)
            return ops.sum(each), each

        self._gradient = backend.compiled(lambda shown, target: backend.gradient(loss)(shown, target)[0], net=scores)
        self._losses = backend.compiled(lambda shown, target: loss(shown, target)[1], net=scores)

    def gradient(self, x: npt.NDArray[np.float32], targets: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """(n, H, W, C): of each image's cross-entropy to its own target, n of them."""
        return self._batched(self._gradient, x, targets)

    def leads(
        self, label: int, x: npt.NDArray[np.float32], y: npt.NDArray[np.int32], *, low: Any, high: Any
    ) -> float | None:
        """The share of images on which a step along the gradient gets further than one against it, 0..1.

        x (n, H, W, C), y (n,): clean images in the model's domain low..high and their classes, of which some of other
        classes than the label are taken. Of the two sizes of steps the better one counts. About a half where the
        gradient says nothing, 0 where it is 0; None where there are too few images to say.
        """
        shown = x[np.flatnonzero(y != label)[:IMAGES]]
        if len(shown) < FEWEST:
            return None
        targets = np.full(len(shown), label, np.int32)
        way = np.asarray(high - low, np.float32) * np.sign(np.nan_to_num(self.gradient(shown, targets)))
        losses = [
            self._batched(self._losses, np.clip(shown + sign * np.float32(size) * way, low, high), targets)
            for size in STEPS
            for sign in (-1, 1)
        ]
        each = np.reshape(losses, (len(STEPS), 2, len(shown)))
        return float((each[:, 0] < each[:, 1]).mean(axis=1).max())

    def _batched(self, measured: Any, x: npt.NDArray[Any], targets: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """In batches of one size, so that there is one program of each kind."""
        found = []
        for start in range(0, len(x), self._rows):
            taken = np.arange(start, start + self._rows) % len(x)
            shown = ops.convert_to_tensor(x[taken].astype(np.float32))
            found.append(np.asarray(measured(shown, ops.convert_to_tensor(targets[taken]))))
        return np.concatenate(found)[: len(x)]
