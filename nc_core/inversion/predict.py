"""Logits of many images in batches of one shape, so that the net is traced once."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.inversion import backend

PREDICT_FLOATS = 8_000_000
"""Input floats of one batch: 256 pictures of 32x32x3 are 0.8 million, 53 of 224x224x3 are 8 million."""


class Predictor:
    """Calls a net without its dropout: images (n, H, W, C) in the model's domain -> logits (n, N)."""

    def __init__(self, model: keras.Model, *, batch: int = 256) -> None:
        floats = int(np.prod(model.input_shape[1:]))
        self._batch = max(1, min(batch, PREDICT_FLOATS // floats))
        self._call = backend.compiled(lambda x: model(x, training=False), net=model)

    def __call__(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Logits of every image, in order."""
        parts = [self._padded(x[start : start + self._batch]) for start in range(0, len(x), self._batch)]
        return np.concatenate(parts)

    def _padded(self, part: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        missing = self._batch - len(part)
        full: Any = np.concatenate([part, np.repeat(part[:1], missing, axis=0)]) if missing else part
        return np.asarray(self._call(ops.convert_to_tensor(full)))[: len(part)]
