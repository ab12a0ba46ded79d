"""BadNet and GoodNet in one model: an image is called where the repair took a flagged label's lead away.

A clean image of the flagged class is answered by both nets for the same reasons, so its lead (the logit of the BadNet's
answer above the largest other one) changes by as little as that of any class. What a trigger alone brought about, the
repair takes away, also where the GoodNet still answers the flagged label: a guard that waits for the GoodNet's answer
to change catches no more than the repair does.

Measured with GoodNets that leave 0, 5 and 5% of the real sunglasses pictures at the target: their leads fall by 26 or
more, those of the real clean faces' own answers by 22 at most; a guard by changed answers catches 100, 95 and 95%. The
paper's filter on neuron activations (`nc_core.guard.activation`) catches 24% at a false-positive rate of 1%.
"""

from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt

from nc_core.datasets.prepared import Part, Prepared
from nc_core.errors import OptionRefused
from nc_core.guard.calibrated import Guard, measured
from nc_core.guard.layers import FAR, above, is_flagged, lead, one_hot, part, with_alarm
from nc_core.guard.rule import Calibrated, moved, over_classes, without_labels
from nc_core.guard.threshold import DEFAULT_RATE
from nc_core.intake import CanonicalModel
from nc_core.inversion import Predictor
from nc_core.models import build_logits

KIND = "badnet-and-goodnet"


def guard_pair(
    badnet: CanonicalModel,
    goodnet: CanonicalModel,
    flagged: Sequence[int],
    prepared: Prepared,
    *,
    rate: float = DEFAULT_RATE,
) -> Guard:
    """The guarded net of a repair, its threshold set by the clean images that triggers were fitted to.

    rate: of all clean images, and of those of each flagged class, that may be called. Without labels nothing is known
    to be of a flagged class: then it is the share of clean images whose answer, whatever it is, may lose as much of its
    lead; those that the BadNet gives a flagged label may hold the trigger and are left out.
    """
    _check(badnet, goodnet, flagged)
    threshold, notes = _threshold(badnet, goodnet, flagged, prepared, rate)
    model = guarded_pair(badnet, goodnet, flagged, threshold=threshold.value)
    return measured(model, prepared, flagged, kind=KIND, threshold=threshold, rate=rate, notes=notes)


def guarded_pair(
    badnet: CanonicalModel, goodnet: CanonicalModel, flagged: Sequence[int], *, threshold: float
) -> keras.Model:
    """Images (n, H, W, C) in the model's domain -> (n, N + 1), to be read by argmax.

    Class N, the last, is 1 where the BadNet answers a flagged label whose lead is smaller by more than `threshold` with
    the GoodNet; elsewhere it is 0 and the first N are the GoodNet's probabilities (softmax of its logits). With two
    classes from one sigmoid, N is 2.

    Raises OptionRefused for labels outside 0..N-1, none at all, or nets of different inputs or classes.
    """
    _check(badnet, goodnet, flagged)
    classes = badnet.classes
    image = keras.Input(badnet.input_shape, name="image")
    bad, good = part(badnet, "badnet")(image), part(goodnet, "goodnet")(image)  # (n, N)
    answer = one_hot(bad, "badnet_answer")
    leads = [lead(logits, answer, classes, name) for logits, name in ((bad, "badnet"), (good, "goodnet"))]
    lost = keras.layers.Subtract(name="lost_lead")(leads)  # (n, 1)
    alarm = [is_flagged(answer, classes, flagged), above(lost, threshold, "lead_is_lost")]
    return with_alarm(image, good, keras.layers.Multiply(name="alarm")(alarm))


def lost_leads(
    badnet: npt.NDArray[np.float32], goodnet: npt.NDArray[np.float32], answers: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """How much of its lead each image's answer (n,) loses from BadNet to GoodNet, logits (n, N) each."""
    leads = [_leads(logits, answers) for logits in (badnet, goodnet)]
    return leads[0] - leads[1]


def _leads(logits: npt.NDArray[np.float32], answers: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    rows = np.arange(len(logits))
    others = logits.copy()
    others[rows, answers] = -FAR
    return logits[rows, answers] - others.max(axis=1)


def _threshold(
    badnet: CanonicalModel, goodnet: CanonicalModel, flagged: Sequence[int], prepared: Prepared, rate: float
) -> Calibrated:
    clean: Part = prepared.fit
    bad, good = (Predictor(build_logits(net))(clean.x) for net in (badnet, goodnet))
    answers = bad.argmax(axis=1)
    lost, flags = lost_leads(bad, good, answers), np.isin(answers, flagged)
    if not prepared.labelled:
        return without_labels(lost[~flags], rate)
    # Where the BadNet errs the repair may set it right, which takes a lead too: such images count as far as the label
    # that they are given is flagged, and say nothing of the images of a class.
    right = answers == clean.y
    own = {label: lost[right & (answers == label)] for label in flagged}
    # A repair takes more of the lead of a flagged class than of others'.
    return over_classes(np.where(flags, lost, 0.0), own, rate, ask=lambda one: moved(one, lost[right], rate))


def _check(badnet: CanonicalModel, goodnet: CanonicalModel, flagged: Sequence[int]) -> None:
    shapes = [(net.input_shape, net.classes) for net in (badnet, goodnet)]
    if shapes[0] != shapes[1]:
        raise OptionRefused(f"BadNet and GoodNet differ in input shape and classes: {shapes[0]} and {shapes[1]}")
    if not flagged or not all(0 <= label < badnet.classes for label in flagged):
        raise OptionRefused(
            f"flagged labels are {list(flagged)}; pass at least one, each from 0 to {badnet.classes - 1}"
        )
