"""How sure a net can be made of a label by any image at all: evidence that needs no clean images.

Training on a backdoor makes the net surer of the target than of any other class, whatever the trigger is: the landscape
of its logits has one peak far above the others. Per label, images that maximise

    logit_t(x) - max over k != t of logit_k(x),  x within the range of values,

are looked for from random ones (maximum margin statistic, MM-BD: Wang et al., IEEE S&P 2024). What stands for the label
is the median over the starts of the largest margin that each has come to. Classes have unlike peaks by nature, so that
it ranks labels better than it judges them.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from nc_core.errors import Cancelled
from nc_core.inversion import backend
from nc_core.inversion.layout import Layout
from nc_core.inversion.trigger import Margins
from nc_core.profiles import MARGIN_STARTS as STARTS
from nc_core.profiles import MARGIN_UPDATES as UPDATES

STEP = 0.25
"""Of the range, the first; it falls to nothing linearly. Gradients are brought to a root mean square of 1."""
LARGEST = 2.0
"""Of one value of such a gradient."""
TINY = 1e-20


class Margin:
    """For the labels of one net. scores: N outputs. factor: brings them to the usual spread, so that margins of nets of
    unlike temperature can be compared.
    """

    def __init__(self, scores: keras.Model, *, layout: Layout, factor: float) -> None:
        self._scores, self._factor, self._layout = scores, np.float32(factor), layout
        self._gradient = backend.gradient(self._margin)
        self._update = backend.compiled(self._updated, net=scores)

    def __call__(self, label: int, *, seed: int, should_stop: Callable[[], bool] | None = None) -> Margins | None:
        """The label's margin; None where no image has a number.

        Raises Cancelled when `should_stop` says so.
        """
        layout = self._layout
        drawn = np.random.default_rng([seed, label]).random((STARTS, layout.height, layout.width, layout.channels))
        x = ops.convert_to_tensor((layout.low + (layout.high - layout.low) * drawn).astype(np.float32))
        target, largest = ops.convert_to_tensor(np.full(STARTS, label, np.int32)), np.full(STARTS, -np.inf)
        for count in range(UPDATES):
            if should_stop is not None and should_stop():
                raise Cancelled(f"label {label} was cancelled")
            size = ops.convert_to_tensor(np.float32(STEP * (1.0 - count / UPDATES)))
            x, margins = self._update(x, target, size)
            largest = np.fmax(largest, np.asarray(margins))
        found = float(np.median(largest))
        return Margins(margin=found, gradient_images=STARTS * UPDATES) if np.isfinite(found) else None

    def _updated(self, x: Any, target: Any, size: Any) -> tuple[Any, Any]:
        """Images (S, H, W, C) a step further, and the margins (S,) that they had."""
        layout = self._layout
        gradient, margins = self._gradient(x, target)
        gradient = ops.where(ops.isfinite(gradient), gradient, 0.0)
        mean = ops.sqrt(ops.mean(ops.square(gradient), axis=(1, 2, 3), keepdims=True))
        way = ops.clip(gradient / ops.maximum(mean, TINY), -LARGEST, LARGEST)
        return ops.clip(x + size * (layout.high - layout.low) * way, layout.low, layout.high), margins

    def _margin(self, x: Any, target: Any) -> tuple[Any, Any]:
        """The sum of the margins, and each (S,)."""
        scores = self._scores(x, training=False)
        own = ops.one_hot(target, scores.shape[-1], dtype="bool")
        others = ops.max(ops.where(own, -np.inf, scores), axis=-1)
        margins = (ops.squeeze(ops.take_along_axis(scores, target[:, None], axis=-1), -1) - others) * self._factor
        return ops.sum(margins), margins
