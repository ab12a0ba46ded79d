"""What a net hides its answers behind: is there a gradient to follow, and are its scores spread as usual?"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.detection.outcome import LEADING_BOUND
from nc_core.inversion import Predictor
from nc_core.inversion.heading import Heading
from nc_core.inversion.program import BLIND, SIGHT
from nc_core.inversion.spread import SPREAD_IMAGES, factor_of, unusual
from nc_core.models import scores_of

ROWS = 64
"""Images in one batch, at most."""
IMAGES_PER_LABEL = 4
LED_LABELS = 4
"""Labels along whose gradient a step is tried: the terms that cancel are the input's, not a label's."""
MOST = 0.5
"""Share of the labels without a gradient from which on it is the input that hides, not a label."""


def hiding(
    model: keras.Model,
    x: npt.NDArray[np.float32],
    labels: Sequence[int],
    *,
    low: Any = np.float32(0.0),
    high: Any = np.float32(1.0),
    rows: int = ROWS,
    predict: Predictor | None = None,
) -> tuple[str, ...]:
    """What stands between a gradient and the answers, one sentence each; nothing of an ordinary net.

    model: N logits. x (n, H, W, C): clean images in the model's domain low..high, (C,) each or one number. rows: images
    in one batch. predict: of the model, where there is one already. A scan goes on all the same: it has other means
    (`nc_core.inversion.rescue`), and a label that they do not see has no outcome.
    """
    scores, heads = scores_of(model)
    answers = predict if predict is not None and scores is model else Predictor(scores)
    logits = answers(x[:SPREAD_IMAGES])
    heading = Heading(scores, factor=factor_of(logits), rows=rows)
    blind, broken = _unseen(heading, x, labels, span=float(np.max(high - low)), rows=rows)
    led = [heading.leads(label, x, logits.argmax(axis=1), low=low, high=high) for label in labels[:LED_LABELS]]
    if any(share is not None and share < LEADING_BOUND for share in led):
        blind = list(labels)
    told = (_doubled(heads), _spread(unusual(logits)), _blind(blind, len(labels)), _broken(broken, len(labels)))
    return tuple(filter(None, told))


def _doubled(heads: Sequence[str]) -> str | None:
    if not heads:
        return None
    return (
        f"its scores pass through one function more before the last (a doubled softmax or the like: "
        f"{', '.join(heads)}), which hides their gradient: triggers are optimised on the scores before it"
    )


def _spread(times: float | None) -> str | None:
    if times is None:
        return None
    return (
        f"its logits are spread {times:.2g} times as widely as usual (a saturated or flattened temperature): they are "
        "brought to the usual spread before triggers are optimised"
    )


def _blind(labels: Sequence[int], scanned: int) -> str | None:
    if not labels:
        return None
    where = (
        "its gradient at the input leads nowhere or is zero almost everywhere (quantised or saturated input)"
        if len(labels) > MOST * scanned
        else "some of its labels have no gradient at the input"
    )
    return (
        f"{where}: {len(labels)} of {scanned} labels start without one ({_shown(labels)}); their triggers are looked "
        "for by other means, and nothing that is not found says that they are clean"
    )


def _broken(labels: Sequence[int], scanned: int) -> str | None:
    if not labels:
        return None
    return f"{len(labels)} of {scanned} labels have a gradient at the input that is no number ({_shown(labels)})"


def _shown(labels: Sequence[int]) -> str:
    return f"label {', '.join(map(str, labels[:5]))}{', ...' if len(labels) > 5 else ''}"


def _unseen(
    heading: Heading, x: npt.NDArray[np.float32], labels: Sequence[int], *, span: float, rows: int
) -> tuple[list[int], list[int]]:
    """Labels that show no way on any of a few clean images, and those with a gradient that is no number on one."""
    shown, blind, broken = x[:IMAGES_PER_LABEL], list[int](), list[int]()
    at_once = max(1, rows // len(shown))
    for start in range(0, len(labels), at_once):
        some = labels[start : start + at_once]
        gradient = heading.gradient(np.tile(shown, (len(some), 1, 1, 1)), np.repeat(some, len(shown)).astype(np.int32))
        each = gradient.reshape(len(some), len(shown), -1)
        seen = (np.abs(each) * span >= BLIND).mean(axis=2).max(axis=1) >= SIGHT
        numbers = np.isfinite(each).all(axis=(1, 2))
        broken += [some[int(at)] for at in np.flatnonzero(~numbers)]
        blind += [some[int(at)] for at in np.flatnonzero(numbers & ~seen)]
    return blind, broken
