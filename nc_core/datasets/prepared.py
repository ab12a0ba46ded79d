"""Clean data as the optimisations use it: in the model's domain, split, with labels for every image."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nc_core.datasets import CleanData
from nc_core.datasets.domain import Domain


@dataclass(frozen=True, kw_only=True)
class Part:
    """x (n, H, W, C) float32 in the model's input domain; y (n,) int32."""

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The three disjoint parts of the clean data.

    fit: the images that triggers are fitted to. holdout: the images that results are measured on. repair: the
    images that a repair learns from. labelled: y are the file's labels; otherwise y are the model's own answers.
    """

    fit: Part
    holdout: Part
    repair: Part
    labelled: bool
    domain: Domain
    classes: int


Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""Images (n, H, W, C) in the model's domain -> logits (n, N)."""


def prepare(data: CleanData, domain: Domain, predict: Predict, *, classes: int, labelled: bool) -> Prepared:
    """Bring clean data into the model's domain; without labels the model's own answers stand in."""
    own = data.images.labels if labelled else None
    labels = _own_answers(data, domain, predict) if own is None else own

    def part(index: npt.NDArray[np.int64]) -> Part:
        return Part(x=domain.to_model(data.images.pixels[index]), y=labels[index].astype(np.int32))

    return Prepared(
        fit=part(data.split.fit),
        holdout=part(data.split.holdout),
        repair=part(data.split.repair),
        labelled=labelled,
        domain=domain,
        classes=classes,
    )


def _own_answers(data: CleanData, domain: Domain, predict: Predict) -> npt.NDArray[np.int32]:
    """The model's labels (N,); images in no part keep label -1."""
    labels = np.full(len(data.images.pixels), -1, np.int32)
    for index in (data.split.fit, data.split.holdout, data.split.repair):
        labels[index] = predict(domain.to_model(data.images.pixels[index])).argmax(axis=1)
    return labels
