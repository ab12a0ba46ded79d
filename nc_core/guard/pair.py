"""BadNet and GoodNet in one model: an image is called where the repair took its answer's lead away.

A clean image of the flagged class is answered by both nets for the same reasons, so its lead (the logit of the BadNet's
answer above the largest other one) changes by as little as that of any class. What a trigger alone brought about, the
repair takes away, also where the GoodNet still answers the flagged label: a guard that waits for the GoodNet's answer
to change catches no more than the repair does.

That needs no flagged label. What a repair does to one trigger it does in part to others, also to those that nobody
found and that still work: so an answer of any other label is called, too, where it loses more of its lead than clean
images do, and more than those of its own class. A real face net with three triggers on three labels was repaired of one
with strangers' faces: the two others were left at 96 and 93%, and 75 and 89% of their images were called.

Measured with GoodNets that leave 0, 5 and 5% of the real sunglasses pictures at the target: their leads fall by 26 or
more, those of the real clean faces' own answers by 22 at most; a guard by changed answers catches 100, 95 and 95%. The
paper's filter on neuron activations (`nc_core.guard.activation`) catches 24% at a false-positive rate of 1%.
"""

from collections.abc import Iterable, Sequence

import keras
import numpy as np
import numpy.typing as npt

from nc_core.datasets.prepared import Part, Prepared
from nc_core.errors import OptionRefused
from nc_core.guard.calibrated import Guard, measured
from nc_core.guard.layers import FAR, above, is_flagged, lead, one_hot, part, with_alarm
from nc_core.guard.rule import Calibrated, moved, over_classes, without_labels
from nc_core.guard.threshold import DEFAULT_RATE, Scores
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
    (threshold, notes), others = _thresholds(badnet, goodnet, flagged, prepared, rate)
    model = guarded_pair(badnet, goodnet, flagged, threshold=threshold.value, others=others)
    return measured(model, prepared, flagged, kind=KIND, threshold=threshold, others=others, rate=rate, notes=notes)


def guarded_pair(
    badnet: CanonicalModel,
    goodnet: CanonicalModel,
    flagged: Sequence[int],
    *,
    threshold: float,
    others: float | None = None,
) -> keras.Model:
    """Images (n, H, W, C) in the model's domain -> (n, N + 1), to be read by argmax.

    Class N, the last, is 1 where the BadNet answers a flagged label whose lead is smaller by more than `threshold` with
    the GoodNet, or another label whose lead is smaller by more than `others` (None: no other label); elsewhere it is 0
    and the first N are the GoodNet's probabilities (softmax of its logits). With two classes from one sigmoid, N is 2.

    Raises OptionRefused for labels outside 0..N-1, none at all, or nets of different inputs or classes.
    """
    _check(badnet, goodnet, flagged)
    classes = badnet.classes
    image = keras.Input(badnet.input_shape, name="image")
    bad, good = part(badnet, "badnet")(image), part(goodnet, "goodnet")(image)  # (n, N)
    answer = one_hot(bad, "badnet_answer")
    leads = [lead(logits, answer, classes, name) for logits, name in ((bad, "badnet"), (good, "goodnet"))]
    lost = keras.layers.Subtract(name="lost_lead")(leads)  # (n, 1)
    is_one = is_flagged(answer, classes, flagged)
    alarm = keras.layers.Multiply(name="alarm")([is_one, above(lost, threshold, "lead_is_lost")])
    if others is not None:
        is_other = keras.layers.Rescaling(-1.0, offset=1.0, name="answer_is_another")(is_one)
        other = keras.layers.Multiply(name="other_alarm")([is_other, above(lost, others, "other_lead_is_lost")])
        alarm = keras.layers.Add(name="any_alarm")([alarm, other])
    return with_alarm(image, good, alarm)


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


def _thresholds(
    badnet: CanonicalModel, goodnet: CanonicalModel, flagged: Sequence[int], prepared: Prepared, rate: float
) -> tuple[Calibrated, float]:
    """That of flagged answers, and that of all others, so that both together hold the rate."""
    clean: Part = prepared.fit
    bad, good = (Predictor(build_logits(net))(clean.x) for net in (badnet, goodnet))
    answers = bad.argmax(axis=1)
    lost, flags = lost_leads(bad, good, answers), np.isin(answers, flagged)
    if not prepared.labelled:
        calibrated = without_labels(lost[~flags], rate)
        return calibrated, calibrated[0].value
    # Where the BadNet errs the repair may set it right, which takes a lead too: such images count as far as the label
    # that they are given may be called, and say nothing of the images of a class.
    right = answers == clean.y

    def ask(one: Scores) -> float:
        # A repair takes more of the lead of a flagged class than of others'.
        return moved(one, lost[right], rate)

    def own(labels: Iterable[int]) -> dict[int, Scores]:
        return {int(label): lost[right & (answers == label)] for label in labels}

    first = over_classes(np.where(flags, lost, 0.0), own(flagged), rate, ask=ask)
    # A flagged answer that is called comes before all others in what the rate has room for.
    counted = np.where(flags, np.where(lost > first[0].value, np.inf, 0.0), lost)
    second, _ = over_classes(counted, own(np.unique(answers[~flags])), rate, ask=ask)
    return first, second.value


def _check(badnet: CanonicalModel, goodnet: CanonicalModel, flagged: Sequence[int]) -> None:
    shapes = [(net.input_shape, net.classes) for net in (badnet, goodnet)]
    if shapes[0] != shapes[1]:
        raise OptionRefused(f"BadNet and GoodNet differ in input shape and classes: {shapes[0]} and {shapes[1]}")
    if not flagged or not all(0 <= label < badnet.classes for label in flagged):
        raise OptionRefused(
            f"flagged labels are {list(flagged)}; pass at least one, each from 0 to {badnet.classes - 1}"
        )
