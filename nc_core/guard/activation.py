"""The input filter (Wang et al. 2019, section VI-A): images that wake the units which the trigger wakes are called.

The units of the penultimate layer are ranked by how much more active they are on images with the reversed trigger than
on clean ones, and an input's score is the mean activation of the top 1% of them: that is the paper's, and so is the
threshold from clean images. Where there are several triggers each has units of its own, and the highest of their scores
counts, each in standard deviations of clean images; that is our choice, as is that an image is called only where the
net gives it a flagged label: any other answer needs no guard.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.datasets.prepared import Prepared
from nc_core.guard.calibrated import Guard, measured
from nc_core.guard.layers import above, is_flagged, largest, one_hot, part, with_alarm
from nc_core.guard.rule import Calibrated, over_classes, without_labels
from nc_core.guard.threshold import DEFAULT_RATE, threshold_for
from nc_core.intake import CanonicalModel
from nc_core.intake.names import MEAN_ACTIVATION
from nc_core.inversion import Predictor, Trigger
from nc_core.models import build, build_logits

KIND = "neuron-activation"
TOP = 0.01
"""Share of the units that an input is judged by (the paper's)."""


def guard_units(
    badnet: CanonicalModel,
    node: int,
    triggers: Mapping[int, Trigger],
    prepared: Prepared,
    *,
    rate: float = DEFAULT_RATE,
) -> Guard:
    """The submitted net with the filter before its answers: images (n, H, W, C) -> (n, N + 1).

    node: of the canonical model, whose values (n, units) or (n, h, w, units) are the activations. triggers: flagged
    label -> reversed trigger. Units and threshold come from the clean images that the triggers were fitted to.
    """
    units = _part(badnet, node)
    clean = Predictor(units)(prepared.fit.x)  # (n, units)
    scorers = [_scorer(units, clean, prepared, label, trigger) for label, trigger in triggers.items()]
    scores = np.max([scorer.scores(clean) for scorer in scorers], axis=0)
    threshold, notes = _threshold(badnet, scores, tuple(triggers), prepared, rate)
    image = keras.Input(badnet.input_shape, name="image")
    logits = part(badnet, "badnet")(image)
    score = above(_score(units(image), scorers), threshold.value, "units_are_awake")
    flagged = is_flagged(one_hot(logits, "badnet_answer"), badnet.classes, triggers)
    model = with_alarm(image, logits, keras.layers.Multiply(name="alarm")([flagged, score]))
    return measured(model, prepared, triggers, kind=KIND, threshold=threshold, rate=rate, notes=notes)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scorer:
    """One trigger's score: activations (n, units) @ weights (units,) + bias, 0 and 1 being mean and standard deviation
    of clean images."""

    weights: npt.NDArray[np.float32]
    bias: float

    def scores(self, activations: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return activations @ self.weights + self.bias


def _scorer(
    units: keras.Model, clean: npt.NDArray[np.float32], prepared: Prepared, label: int, trigger: Trigger
) -> _Scorer:
    others = prepared.fit.y != label
    stamped = Predictor(units)(trigger.stamp(prepared.fit.x[others]))
    gap = stamped.mean(axis=0) - clean[others].mean(axis=0)
    top = np.argsort(-gap, kind="stable")[: max(1, round(TOP * len(gap)))]
    means = clean[:, top].mean(axis=1)
    # Units that sleep on every clean image have no spread: one hundredth of what the trigger wakes stands for it.
    spread = max(float(means.std()), 0.01 * float(abs(gap[top].mean())), 1e-6)
    weights = np.zeros(len(gap), np.float32)
    weights[top] = 1.0 / (len(top) * spread)
    return _Scorer(weights=weights, bias=-float(means.mean()) / spread)


def _threshold(
    badnet: CanonicalModel, scores: npt.NDArray[np.float32], flagged: Sequence[int], prepared: Prepared, rate: float
) -> Calibrated:
    """What is scored is what the saved net calls by: 0 where the answer is no flagged label.

    A flagged class wakes the same units as the trigger, and the others tell nothing of how its scores are spread: its
    threshold is what its own images say.
    """
    flags = np.isin(Predictor(build_logits(badnet))(prepared.fit.x).argmax(axis=1), flagged)
    if not prepared.labelled:
        return without_labels(scores[~flags], rate)
    counted = np.where(flags, scores, 0.0)
    own = {label: counted[prepared.fit.y == label] for label in flagged}
    return over_classes(counted, own, rate, ask=lambda one: threshold_for(one, rate).value)


def _part(badnet: CanonicalModel, node: int) -> keras.Model:
    """Images -> activations (n, units), of a convolution the mean over its places."""
    net = build(replace(badnet, output=node))
    values = net.outputs[0]
    if len(values.shape) == 4:
        values = keras.layers.GlobalAveragePooling2D(name=MEAN_ACTIVATION)(values)
    nested = keras.Model(net.inputs, values, name="units")
    nested.trainable = False
    return nested


def _score(activations: Any, scorers: list[_Scorer]) -> Any:
    """(n, units) -> (n, 1): the highest of the triggers' scores."""
    layer = keras.layers.Dense(len(scorers), name="trigger_scores", trainable=False)
    scores = layer(activations)
    layer.set_weights(
        [np.stack([one.weights for one in scorers], axis=1), np.array([one.bias for one in scorers], np.float32)]
    )
    return scores if len(scorers) == 1 else largest(scores, len(scorers), "highest_score")
