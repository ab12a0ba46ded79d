"""A net that was taught class N itself: it is called where that class leads by more than clean images bear."""

import keras

from nc_core.guard.calibrated import Guard, measured
from nc_core.guard.layers import part
from nc_core.guard.threshold import DEFAULT_RATE, Threshold, threshold_for
from nc_core.intake import CanonicalModel
from nc_core.inversion import Predictor
from nc_core.models import build_logits
from nc_core.prepared import Prepared

KIND = "class-of-its-own"


def guard_wide(
    net: CanonicalModel, flagged: tuple[int, ...], prepared: Prepared, *, rate: float = DEFAULT_RATE
) -> Guard:
    """The guarded net of N + 1 classes with class N held to a false-positive rate.

    Its logit gives way by the threshold, 0 at least: where class N leads by less, the best other class is the answer.
    """
    clean = Predictor(build_logits(net))(prepared.fit.x)
    found = threshold_for(clean[:, -1] - clean[:, :-1].max(axis=1), rate)
    threshold = Threshold(value=max(0.0, found.value), images=found.images, rate=found.rate)
    image = keras.Input(net.input_shape, name="image")
    held = keras.layers.Rescaling(1.0, offset=[0.0] * prepared.classes + [-threshold.value], name="held_back")
    output = keras.layers.Softmax(name="guarded")(held(part(net, "net")(image)))
    model = keras.Model(image, output, name="guarded_net")
    return measured(model, prepared, flagged, kind=KIND, threshold=threshold, rate=rate, notes=())
