"""What a net hides its answers behind: is there a gradient to follow, and are its scores spread as usual?"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.inversion import Predictor, backend
from nc_core.inversion.program import BLIND, SIGHT
from nc_core.inversion.spread import SPREAD_IMAGES, factor_of, unusual
from nc_core.models import scores_of

ROWS = 64
"""Images in one batch, at most."""
IMAGES_PER_LABEL = 4
MOST = 0.5
"""Share of the labels without a gradient from which on it is the input that hides, not a label."""


def hiding(
    model: keras.Model, x: npt.NDArray[np.float32], labels: Sequence[int], *, span: float = 1.0, rows: int = ROWS
) -> tuple[str, ...]:
    """What stands between a gradient and the answers, one sentence each; nothing of an ordinary net.

    model: N logits. x (n, H, W, C): clean images in the model's domain. span: of that domain. rows: images in one
    batch. A scan goes on all the same: it has other means (`nc_core.inversion.rescue`), and a label that they do not
    see has no outcome.
    """
    scores, heads = scores_of(model)
    logits = Predictor(scores)(x[:SPREAD_IMAGES])
    blind, broken = _unseen(scores, x, labels, factor=factor_of(logits), span=span, rows=rows)
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
        "its gradient at the input is zero almost everywhere (quantised or saturated input)"
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
    scores: keras.Model, x: npt.NDArray[np.float32], labels: Sequence[int], *, factor: float, span: float, rows: int
) -> tuple[list[int], list[int]]:
    """Labels that show no way on any of a few clean images, and those with a gradient that is no number on one."""
    scale = np.float32(factor)

    def loss(images: Any, targets: Any) -> tuple[Any, Any]:
        logits = scores(images, training=False)
        logits = (logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))) * scale
        of_target = ops.squeeze(ops.take_along_axis(logits, targets[:, None], axis=-1), -1)
        return ops.sum(ops.logsumexp(logits, axis=-1) - of_target), ops.zeros(())

    def shares(images: Any, targets: Any) -> Any:
        gradient = backend.gradient(loss)(images, targets)[0]
        numbers = ops.isfinite(gradient)
        alive = ops.logical_and(numbers, ops.abs(gradient) * span >= BLIND)
        return ops.stack([ops.mean(ops.cast(each, "float32"), axis=(1, 2, 3)) for each in (alive, numbers)])

    measured = backend.compiled(shares, net=scores)
    wanted = np.repeat(np.asarray(labels, np.int32), IMAGES_PER_LABEL)
    images = np.resize(np.arange(min(len(x), IMAGES_PER_LABEL)), len(wanted))
    found = np.zeros((2, len(wanted)), np.float32)
    for start in range(0, len(wanted), rows):
        taken = np.arange(start, start + rows) % len(wanted)
        found[:, taken] = np.asarray(
            measured(ops.convert_to_tensor(x[images[taken]]), ops.convert_to_tensor(wanted[taken]))
        )
    alive, numbers = found.reshape(2, len(labels), IMAGES_PER_LABEL)
    broken = numbers.min(axis=1) < 1.0
    blind = (alive.max(axis=1) < SIGHT) & ~broken
    return [label for label, is_so in zip(labels, blind, strict=True) if is_so], [
        label for label, is_so in zip(labels, broken, strict=True) if is_so
    ]
