"""The outlier test of the first round of screening: a label whose mask is far smaller than the others' by then.

The way to a planted label is short and found at once, also where its trigger is large: after the same few steps its
mask has shrunk to the trigger, while those of clean labels still cover the image. What the whole optimisation makes of
them lies closer together. Of the two real face nets of 1283 classes the sunglasses' label lies 8.6 robust deviations
below the others after 12 steps and 4.4 at the end, where 4.4 is chance in one of twenty nets; the labels of three
triggers, of which two are no outliers at the end, come first, second and third.

All labels have taken the same steps, so all stand for clean ones, and how far the smallest of them go by chance is seen
from the others and not assumed: beyond the smallest tenth the logarithms go on as an exponential law says that is
fitted to these (`nc_core.detection.library.tail_p`).
"""

import math
from collections.abc import Mapping, Sequence

from nc_core.detection.library import tail_p
from nc_core.detection.norms import LabelNorm
from nc_core.detection.outliers import SIZE_FLOOR, log_scale
from nc_core.detection.stepdown import Step

PART = 0.1
"""Part of the labels, those with the smallest masks, that the law of the tail is fitted to. At a nominal 5% and 1283
labels the test calls .2% of clean nets where log norms are normal, .7% where norms are gamma (k = 6), 4.5% where logs
are exponential and 10% where they are t8 (simulated). The test of the norms, which takes logs for normal, calls 2, 34
and 49% of the normal, gamma and t8 ones."""
LEAST_LABELS = 100
"""Labels of a scan from which on their smallest tenth says how the tail lies."""


def screened_z(labels: Sequence[LabelNorm]) -> dict[int, float]:
    """Of every label that was screened how far its mask lies below the others' after the first round, as robust z."""
    norms = _norms(labels)
    if len(norms) < LEAST_LABELS:
        return {}
    scale = log_scale(norms.values())
    return {label: scale(norm) for label, norm in norms.items()}


def screened_steps(
    labels: Sequence[LabelNorm], *, alpha: float, share: float
) -> tuple[tuple[Step, ...], frozenset[int]]:
    """The tests made, one label after another, and the labels that they found; arguments as in `step_down`.

    A label is held against the others that are not found; only one that has a trigger is tested.
    """
    norms, z = dict(_norms(labels)), screened_z(labels)
    done = {label.label for label in labels if label.state == "done"}
    steps: list[Step] = []
    while len(norms) >= LEAST_LABELS and (left := norms.keys() & done):
        smallest = min(left, key=lambda label: (norms[label], label))
        own = -math.log(norms.pop(smallest))
        others = [-math.log(norm) for norm in norms.values()]
        p = min(1.0, (len(others) + 1) * tail_p(own, others, part=PART) / share)
        steps.append(Step(label=smallest, log_z=z[smallest], p_value=p, reference_size=len(others)))
        if p > alpha:
            break
    found = frozenset(step.label for step in steps if step.p_value <= alpha)
    return tuple(steps), found


def _norms(labels: Sequence[LabelNorm]) -> Mapping[int, float]:
    return {
        label.label: max(label.screened_norm, SIZE_FLOOR)
        for label in labels
        if label.screened_norm is not None and math.isfinite(label.screened_norm)
    }
