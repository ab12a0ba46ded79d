"""How each kind of evidence was judged, as sentences for the report."""

import math
from collections.abc import Iterable, Mapping, Sequence

from nc_core.detection.judgement import Judgement
from nc_core.detection.norms import LabelNorm
from nc_core.detection.result import CalibrationUsed, ModelEvidence
from nc_core.detection.size import SIZE_BOUND, SUCCESS_BOUND, least_transfer, transferability
from nc_core.detection.stepdown import Step

SOURCES = {
    "baseline": "clean scans of the baseline",
    "twins": "scans of clean twins",
    "library": "clean scans that come with Cleanse",
}
SHOWN = 8


def listed(labels: Iterable[int]) -> str:
    """(3,) -> "Label 3", (1, 3) -> "Labels 1, 3"; more than eight are counted."""
    numbers = list(labels)
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return f"Label{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers[:SHOWN]))}{more}"


def votes(
    labels: Sequence[LabelNorm],
    judged: Judgement,
    found: Mapping[int, Sequence[str]],
    *,
    classes: int,
    pixels: int,
    alpha: float,
) -> tuple[str, ...]:
    """One sentence for each kind of evidence, and how they are combined."""
    if not judged.evidence:
        return ("No label has a norm: there is nothing to judge.",)
    told = [_outliers(judged.steps, alpha)] if judged.shares and judged.steps else []
    told += [_vote(one, found) for one in judged.evidence if not (judged.shares and one.name == "outlier")]
    if judged.shares:
        told.append(_sizes(labels, found, pixels, classes))
    return (*told, _combination(judged, alpha))


def _sizes(labels: Sequence[LabelNorm], found: Mapping[int, Sequence[str]], pixels: int, classes: int) -> str:
    """Which labels are small and universal by themselves, or that none is."""
    rule = (
        f"norm at most {SIZE_BOUND:.1%} of the pixels, attack success rate at least {SUCCESS_BOUND:g}, "
        f"triggers of four images work on {least_transfer(classes):.0%} of others"
    )
    told = [
        f"label {label.label}: {(label.norm or 0.0) / pixels:.2%}, {label.attack_success_rate or 0.0:.3f} and "
        f"{transferability(label) or 0.0:.0%}"
        for label in labels
        if "size" in found.get(label.label, ())
    ]
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return f"Size rule ({rule}): " + (f"flagged {', '.join(told[:SHOWN])}{more}." if told else "silent.")


def _outliers(steps: Sequence[Step], alpha: float) -> str:
    tests = "; ".join(_step(step, alpha) for step in steps[:SHOWN])
    return f"Outlier test of the norms (limit p = {alpha:g}): {tests}."


def _step(step: Step, alpha: float) -> str:
    vote = "flagged" if step.p_value <= alpha else "not flagged"
    if not step.reference_size:
        return f"there is no other label that label {step.label} could be held against, {vote}"
    others = "one reference label" if step.reference_size == 1 else f"{step.reference_size} reference labels"
    return f"label {step.label} has log z {step.log_z:.2f} over {others}, p = {step.p_value:.2g}, {vote}"


def _vote(one: ModelEvidence, found: Mapping[int, Sequence[str]]) -> str:
    if one.label is None:
        return f"{_measured(one)}, p = {one.p_value:.2g} {_beside(one.calibration)}."
    flagged = [label for label, kinds in found.items() if one.name in kinds]
    vote = f"flagged: {listed(flagged).lower()}" if flagged else "none flagged"
    by = "by the law of the other labels" if one.name == "early" else _beside(one.calibration)
    return f"{_measured(one)}, p = {one.p_value:.2g} {by}; {vote}."


def _measured(one: ModelEvidence) -> str:
    share = math.exp(-one.statistic)
    match one.name:
        case "together":
            return f"Together: label {one.label} lies farthest from clean nets, {one.statistic:.2f} deviations"
        case "early":
            return f"Early mask: after the first steps that of label {one.label} has log z {one.statistic:.2f}"
        case "universality" if one.calibration.source == "library":
            return f"Universality: price and transferability of label {one.label}, {one.statistic:.2f} among clean nets"
        case "universality":
            return f"Universality: the price of label {one.label} has log z {one.statistic:.2f} below the others"
        case "perturbation":
            return f"Perturbation: the smallest of label {one.label} and its margin stand out by z {one.statistic:.2f}"
        case "lead":
            times = math.exp(one.statistic)
            return f"Lead: what few images need for label {one.label} is worth {times:.1f} times that of others"
        case "transferability":
            return (
                f"Transferability: triggers of few images for label {one.label} work on {math.exp(one.statistic):.0%}"
            )
        case "worth":
            return f"Worth: what few images need for label {one.label} is worth {math.exp(one.statistic):.0%} to all"
        case "price":
            return f"Price: label {one.label} has the smallest, {share:.2%} of the pixels for all images"
        case "partial":
            return f"Partial norm: that of label {one.label} has log z {one.statistic:.2f} below the others"
        case "any-target":
            return f"Any target: answers say {one.statistic:.0%} of where a trigger without a target sends their images"
        case "size":
            return f"Size: label {one.label} has the smallest norm, {share:.2%} of the pixels"
    return f"Outlier: the norm of label {one.label} has log z {one.statistic:.2f} below the others"


def _beside(used: CalibrationUsed) -> str:
    return "by the normal law" if used.source == "none" else f"beside {used.scans} {SOURCES[used.source]}"


def _combination(judged: Judgement, alpha: float) -> str:
    if not judged.shares:
        return (
            f"All evidence is one test beside the same clean scans: p = {judged.p_value:.2g}, limit {alpha:g}. "
            "Labels are flagged that no clean scan has the like of."
        )
    parts = ", ".join(f"{kind} {share:.0%}" for kind, share in judged.shares.items())
    told = (
        f"A label is flagged where one kind of evidence is enough, and they share the false positive rate per model: "
        f"{parts}."
    )
    if not judged.beside:
        return told
    return f"{told} The least of their p-values is held against that of {judged.beside} clean scans judged likewise."
