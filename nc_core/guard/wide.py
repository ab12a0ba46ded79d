"""A net that was taught class N itself: it is called where that class leads by more than clean images bear."""

import keras
import numpy as np

from nc_core.datasets.prepared import Prepared
from nc_core.guard.calibrated import Guard, measured
from nc_core.guard.layers import part
from nc_core.guard.rule import Calibrated, over_classes, without_labels
from nc_core.guard.threshold import DEFAULT_RATE, threshold_for
from nc_core.intake import CanonicalModel
from nc_core.inversion import Predictor
from nc_core.models import build_logits

KIND = "class-of-its-own"


def guard_wide(
    net: CanonicalModel, flagged: tuple[int, ...], prepared: Prepared, *, rate: float = DEFAULT_RATE
) -> Guard:
    """The guarded net of N + 1 classes with class N held to a false-positive rate, as in `nc_core.guard.rule`.

    Its logit gives way by the threshold, above 0: where class N leads by less, the best other class is the answer.
    """
    threshold, notes = _threshold(net, flagged, prepared, rate)
    image = keras.Input(net.input_shape, name="image")
    held = keras.layers.Rescaling(1.0, offset=[0.0] * prepared.classes + [-threshold.value], name="held_back")
    output = keras.layers.Softmax(name="guarded")(held(part(net, "net")(image)))
    model = keras.Model(image, output, name="guarded_net")
    return measured(model, prepared, flagged, kind=KIND, threshold=threshold, rate=rate, notes=notes)


def _threshold(net: CanonicalModel, flagged: tuple[int, ...], prepared: Prepared, rate: float) -> Calibrated:
    clean = prepared.fit
    scores = Predictor(build_logits(net))(clean.x)
    leads = scores[:, -1] - scores[:, :-1].max(axis=1)
    if not prepared.labelled:
        # y is what the submitted net answers: this one may have learned to give such images class N.
        return without_labels(leads[~np.isin(clean.y, flagged)], rate)
    # Class N was learned from images that show the trigger of a flagged class, whose own images may look like it: what
    # they say themselves is asked for. To move the common threshold by as much as their median lies above the others'
    # would be more than any stamped image leads by: on a GTSRB net the guard called none of them, and so it calls all.
    own = {label: leads[clean.y == label] for label in flagged}
    return over_classes(leads, own, rate, ask=lambda one: threshold_for(one, rate).value)
