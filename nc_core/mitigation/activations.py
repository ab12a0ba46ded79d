"""How active the units of a net are on images."""

from dataclasses import replace

import keras
import numpy as np
import numpy.typing as npt

from nc_core.intake import CanonicalModel
from nc_core.inversion import Predictor
from nc_core.mitigation.units import Site
from nc_core.models import build, with_weights


class Activations:
    """The mean activations of one site of a net.

    canonical: the submitted model. model: the Keras net made of it, as it is trained and pruned; the activations are
    those of its present weights at the time of the construction.
    """

    def __init__(self, canonical: CanonicalModel, model: keras.Model, site: Site) -> None:
        present = with_weights(canonical, model)
        self._predict = Predictor(build(replace(present, output=site.node)))

    def __call__(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Images (n, H, W, C), n >= 1 -> (units,): means over the images and, in a convolution, over the places."""
        # No more activations are held at once than the net itself has in one batch.
        at_once = self._predict.batch
        sums = [self._sum(x[start : start + at_once]) for start in range(0, len(x), at_once)]
        return np.sum(sums, axis=0) / len(x)

    def _sum(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        values = self._predict(x).astype(np.float64)
        return values.reshape(len(x), -1, values.shape[-1]).mean(axis=1).sum(axis=0)
