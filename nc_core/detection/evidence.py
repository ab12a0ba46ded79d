"""What speaks for a backdoor: each kind of evidence as one number of the model, and as one of each label.

Robust z: how far something lies below the others, on the log scale.

| name | statistic | sees |
| --- | --- | --- |
| outlier | robust z of the smallest norm | small triggers |
| early | robust z of the smallest mask after the first steps (`nc_core.detection.early`) | patches, large ones, too |
| universality | robust z of the smallest price (`nc_core.detection.price`) | triggers of a part of the images, too |
| price | minus the logarithm of the smallest price as a share of the pixels | few labels, many infected labels |
| size | the same of the smallest norm; a p-value beside clean scans alone | few labels, many infected labels |
| perturbation | z of the smallest perturbation and of the margin (`nc_core.detection.perturbed`) | triggers all over |
| worth | logarithm of what a trigger of few images is worth to all (`nc_core.detection.worth`) | triggers of any size |
| lead | the same over that of the other labels | triggers of any size |
| transferability | logarithm of the rate at which triggers of few images work on others | of a part of the images |
| partial | robust z of the smallest norm at an attack rate of .8 (`nc_core.detection.partial`) | of a part, too |
| any-target | how far answers say where a trigger sends them (`nc_core.detection.class_map`) | all-to-all ones |

The last is of the net and of no label.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from nc_core.detection.class_map import AnyTarget
from nc_core.detection.early import early_z
from nc_core.detection.norms import LabelNorm
from nc_core.detection.outliers import SIZE_FLOOR, log_scale, one_sided_log_scale
from nc_core.detection.partial import partial_norms, partial_z
from nc_core.detection.perturbed import standing_out
from nc_core.detection.price import priced
from nc_core.detection.stepdown import reference_norms
from nc_core.detection.worth import ahead, log_transferability, log_worth

Kind = Literal[
    "outlier",
    "early",
    "universality",
    "price",
    "size",
    "perturbation",
    "worth",
    "lead",
    "transferability",
    "partial",
    "any-target",
    "together",
]
TOGETHER: Kind = "together"
"""Several of them in one number, beside the clean scans that come with Cleanse (`nc_core.detection.library`)."""
ANY_TARGET: Kind = "any-target"
KINDS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != TOGETHER)


@dataclass(frozen=True, kw_only=True)
class Leading:
    """The label that a kind of evidence points at most, None where it is of the net, and its statistic."""

    label: int | None
    statistic: float


def leading(labels: Sequence[LabelNorm], *, pixels: int) -> dict[Kind, Leading]:
    """Of each kind the label with the largest statistic; without kinds that no label has. pixels: H W."""
    found: dict[Kind, Leading] = {}
    for kind, values in label_statistics(labels, pixels=pixels).items():
        if values:
            label = max(values, key=lambda number: (values[number], -number))
            found[kind] = Leading(label=label, statistic=values[label])
    away = any_target_of(labels)
    if away is not None:
        found[ANY_TARGET] = Leading(label=None, statistic=away.share)
    return found


def statistics_of(labels: Sequence[LabelNorm], *, pixels: int) -> dict[str, float]:
    """A scan's statistics, by kind."""
    return {kind: one.statistic for kind, one in leading(labels, pixels=pixels).items()}


def any_target_of(labels: Sequence[LabelNorm]) -> AnyTarget | None:
    """What a scan has measured of its net, None where it has not; the label that it was kept with says nothing.

    None too of a net of fewer than five classes.
    """
    found = next((away for one in labels if one.evidence and (away := one.evidence.any_target) is not None), None)
    return found if found is not None and found.tells else None


def label_statistics(labels: Sequence[LabelNorm], *, pixels: int) -> Mapping[Kind, Mapping[int, float]]:
    """Each kind's statistic of every label that has one: label -> statistic."""
    prices = [priced(label) for label in labels]
    return {
        "outlier": _by_label(labels, log_scale(reference_norms(labels))),
        "early": early_z(labels),
        "universality": _by_label(prices, one_sided_log_scale(reference_norms(prices))),
        "price": _by_label(prices, _share(pixels)),
        "size": _by_label(labels, _share(pixels)),
        "perturbation": standing_out(labels),
        "worth": log_worth(labels),
        "lead": ahead(labels),
        "transferability": log_transferability(labels),
        "partial": partial_z(partial_norms(labels), reference=[one.label for one in labels if one.reference]),
    }


def by_label(labels: Sequence[LabelNorm], *, pixels: int) -> Mapping[int, Mapping[str, float]]:
    """The same by label: label -> kind -> statistic."""
    found: dict[int, dict[str, float]] = {}
    for kind, values in label_statistics(labels, pixels=pixels).items():
        for label, value in values.items():
            found.setdefault(label, {})[kind] = value
    return found


def _by_label(labels: Sequence[LabelNorm], statistic: Callable[[float], float]) -> dict[int, float]:
    return {one.label: statistic(one.norm) for one in labels if one.state == "done" and one.norm is not None}


def _share(pixels: int) -> Callable[[float], float]:
    return lambda norm: -math.log(max(norm, SIZE_FLOOR) / pixels)
