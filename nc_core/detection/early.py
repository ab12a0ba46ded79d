"""The outlier test of masks early on: a label whose mask is far smaller than the others' after the first few steps.

The way to a planted label is short and found at once, also where its trigger is large: after the same few steps its
mask has shrunk to the trigger, while those of clean labels still cover the image. What the whole optimisation makes of
them lies closer together. Of the two real face nets of 1283 classes the sunglasses' label lies 7.0 robust deviations
below the others after 12 steps and 4.4 at the end, where 4.4 is chance in one of twenty nets; the labels of three
triggers, of which two are no outliers at the end, come first, second and third.

All labels have taken the same steps, so all of them stand for clean ones. Where there are many, how far the smallest go
by chance is seen from the others and not assumed: beyond the smallest tenth the logarithms go on as an exponential law
says that is fitted to these (`nc_core.detection.library.tail_p`). Where there are few, the law of normal log norms
stands for it, as in the outlier test of the norms.
"""

import math
from collections.abc import Mapping, Sequence

from nc_core.detection.library import tail_p
from nc_core.detection.norms import LabelNorm
from nc_core.detection.outliers import SIZE_FLOOR, log_scale
from nc_core.detection.stepdown import Step, p_value

PART = 0.1
"""Part of the labels, those with the smallest masks, that the law of the tail is fitted to. At a nominal 5% and 1283
labels the test calls .2% of clean nets where log norms are normal, .7% where norms are gamma (k = 6), 4.5% where logs
are exponential and 10% where they are t8 (simulated). The test of the norms, which takes logs for normal, calls 2, 34
and 49% of the normal, gamma and t8 ones."""
OF_THEIR_OWN = 100
"""Labels from which on their smallest tenth says how the tail lies."""
LEAST_LABELS = 10
"""Fewer have hardly a spread to stand out from."""


def early_z(labels: Sequence[LabelNorm]) -> dict[int, float]:
    """Of every label with an early mask how far that lies below the others', as robust z; nothing of fewer than ten."""
    norms = _norms(labels)
    if len(norms) < LEAST_LABELS:
        return {}
    scale = log_scale(norms.values())
    return {label: scale(norm) for label, norm in norms.items()}


def early_steps(labels: Sequence[LabelNorm], *, alpha: float, share: float) -> tuple[tuple[Step, ...], frozenset[int]]:
    """The tests made, one label after another, and the labels that they found; arguments as in `step_down`.

    A label is held against all that are not found; only one that has a trigger in the end is tested.
    """
    norms = dict(_norms(labels))
    done = {label.label for label in labels if label.state == "done"}
    steps, found = list[Step](), set[int]()
    while len(norms) >= LEAST_LABELS and (left := norms.keys() & done):
        smallest = min(left, key=lambda label: (norms[label], label))
        z = log_scale(norms.values())(norms[smallest])
        p = min(1.0, _p_value(smallest, norms, z) / share)
        steps.append(Step(label=smallest, log_z=z, p_value=p, reference_size=len(norms)))
        if p > alpha:
            break
        found.add(smallest)
        del norms[smallest]
    return tuple(steps), frozenset(found)


def _p_value(label: int, norms: Mapping[int, float], z: float) -> float:
    """The chance that any of these labels has so small a mask."""
    if len(norms) < OF_THEIR_OWN:
        return p_value(z, reference=len(norms), labels=len(norms))
    others = [-math.log(norm) for number, norm in norms.items() if number != label]
    return min(1.0, len(norms) * tail_p(-math.log(norms[label]), others, part=PART))


def _norms(labels: Sequence[LabelNorm]) -> Mapping[int, float]:
    known = {label.label: label.early_norm for label in labels}
    return {label: max(norm, SIZE_FLOOR) for label, norm in known.items() if norm is not None and math.isfinite(norm)}
