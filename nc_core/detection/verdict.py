"""The verdict: one of three words, the labels behind it, and why."""

import math
from collections.abc import Mapping, Sequence

from nc_core.detection.calibration import UNCALIBRATED, Calibration, needed
from nc_core.detection.class_map import AnyTarget
from nc_core.detection.judge import judge
from nc_core.detection.judgement import Judgement
from nc_core.detection.library import DETECTOR, FEW_LABELS
from nc_core.detection.mad import index_scale
from nc_core.detection.norms import LabelNorm
from nc_core.detection.outliers import log_scale
from nc_core.detection.result import Detection, LabelIndex, ModelEvidence, Verdict
from nc_core.detection.size import is_small, least_transfer, transferability
from nc_core.detection.stepdown import Step, reference_norms
from nc_core.detection.suspects import precaution_of, suspects_of
from nc_core.detection.votes import listed, votes

MANY = 0.15
"""Share of the labels with a small trigger from which on that is said of the model."""
NEAR = 2
"""Times the error rate up to which a p-value leaves the verdict open."""
MOST_PAIRS = 16
"""Classes of an all-to-all backdoor that are told one by one."""


def detect(
    labels: Sequence[LabelNorm],
    *,
    classes: int,
    pixels: int,
    alpha: float = 0.05,
    calibration: Calibration = UNCALIBRATED,
    detector: str = DETECTOR,
) -> Detection:
    """Judge a scan from the outcomes of its labels.

    labels: one for each label of the scan. classes: how many the model has. pixels: H W, the largest possible
    norm. alpha: chance per model of a false alarm, shared by all evidence. calibration: clean scans of the same cell.
    detector: what looked at the labels; the clean scans that come with Cleanse are of one alone.
    Any flagged label makes the verdict "backdoored", before every reason to be inconclusive, and so does an all-to-all
    backdoor, which has no label to flag; but where most labels of a model are flagged none stands out, and none is.

    Raises ValueError for alpha outside 0..0.5, a label given twice, or one outside 0..classes-1.
    """
    _check(labels, classes, alpha)
    judged = judge(labels, classes=classes, pixels=pixels, alpha=alpha, calibration=calibration, detector=detector)
    found = {} if _most(judged, classes) else judged.found
    away = judged.all_to_all
    flagged = tuple(found)
    first = judged.steps[0] if judged.steps else None
    suspects = suspects_of(labels, flagged=flagged)
    reason, verdict = _judge(labels, flagged, suspects, judged, classes, pixels, alpha, calibration)
    if calibration.source != "none" and not calibration.decides(alpha):
        reason = f"{reason} {_uncalibrated(calibration, alpha)}"
    indices = _indices(labels, found, judged.steps)
    smallest = next((index for index in indices if first and index.label == first.label), None)
    return Detection(
        verdict=verdict,
        reason=reason,
        flagged_labels=flagged,
        suspects=precaution_of(indices, judged.evidence) if _open(judged, alpha) else suspects,
        anomaly_index=(smallest.anomaly_index if smallest else None) or 0.0,
        log_z=first.log_z if first else 0.0,
        p_value=judged.p_value,
        threshold=alpha,
        labels=indices,
        rules=votes(labels, judged, found, classes=classes, pixels=pixels, alpha=alpha),
        reference_size=first.reference_size if first else 0,
        evidence=judged.evidence,
        class_map=None if away is None else dict(away.class_map),
        shares={str(kind): share for kind, share in judged.shares.items()},
        level=judged.level,
    )


def _check(labels: Sequence[LabelNorm], classes: int, alpha: float) -> None:
    if not 0.0 < alpha <= 0.5:
        raise ValueError(f"alpha is {alpha}; a false positive rate per model lies above 0 and at most at 0.5")
    numbers = [label.label for label in labels]
    if len(set(numbers)) < len(numbers) or any(not 0 <= number < classes for number in numbers):
        raise ValueError(f"labels {numbers} are not different labels of a model with {classes} classes")


def _judge(
    labels: Sequence[LabelNorm],
    flagged: tuple[int, ...],
    suspects: tuple[int, ...],
    judged: Judgement,
    classes: int,
    pixels: int,
    alpha: float,
    calibration: Calibration,
) -> tuple[str, Verdict]:
    """One sentence for people, and the verdict."""
    if flagged or judged.all_to_all:
        reason = f"{listed(flagged)} can be reached by a trigger far too small to be chance." if flagged else None
        more = (
            reason,
            None if judged.all_to_all is None else _all_to_all(judged.all_to_all),
            _many(labels, flagged, pixels) if flagged else None,
            _hidden(labels, flagged),
            _suspected(suspects),
            _unseen(labels, flagged),
            _ended_early(labels),
        )
        return " ".join(filter(None, more)), "backdoored"
    doubts = (
        _unseen(labels, flagged),
        _brittle(labels, judged, classes),
        None if calibration.decides(alpha) else _natural(labels, pixels, classes, alpha),
        _left_out(labels, classes),
        _few(labels, judged, calibration, alpha),
        _borderline(judged, alpha),
    )
    for doubt in filter(None, doubts):
        return doubt, "inconclusive"
    least = min(judged.evidence, key=lambda one: one.p_value, default=None)
    smallest = f" (most: {_whose(least)}, p = {judged.p_value:.2g})" if least else ""
    return f"None of {len(labels)} labels has a trigger smaller than chance allows{smallest}.", "clean"


def _uncalibrated(calibration: Calibration, alpha: float) -> str:
    """Said where clean scans were asked for and too few can be compared with the model."""
    count = len(calibration.scans)
    return (
        f"The verdict is uncalibrated: {count or 'no'} clean scan{'' if count == 1 else 's'} can be compared with it, "
        f"and a rate of {alpha:g} takes {needed(alpha)}."
    )


def _most(judged: Judgement, classes: int) -> bool:
    """Whether more than half of a model's labels would be flagged."""
    return classes > 1 and 2 * len(judged.found) > classes


def _brittle(labels: Sequence[LabelNorm], judged: Judgement, classes: int) -> str | None:
    if not _most(judged, classes):
        return None
    count = len(judged.found)
    told = f"All {count}" if count == len(labels) else f"{count} of {len(labels)}"
    return f"{told} labels have a small trigger, so none stands out: the model is brittle."


def _natural(labels: Sequence[LabelNorm], pixels: int, classes: int, alpha: float) -> str | None:
    """Small triggers that say nothing by themselves."""
    small = sorted((label for label in labels if is_small(label, pixels=pixels)), key=lambda one: one.norm or 0.0)
    if not small:
        return None
    first, rate = small[0], transferability(small[0])
    others = f" ({listed(label.label for label in small[1:]).lower()} as well)" if len(small) > 1 else ""
    told = f"Label {first.label} has a small trigger, {(first.norm or 0.0) / pixels:.1%} of the pixels{others}."
    why = (
        "There were too few images to ask whether it is universal."
        if rate is None
        else f"What four images need for label {first.label} works on {rate:.0%} of others, where a planted trigger "
        f"works on {least_transfer(classes):.0%} and more: it may be a natural one. Look at its picture."
    )
    more = f" With so few labels, --twins {needed(alpha)} can tell." if len(labels) < FEW_LABELS else ""
    return f"{told} {why}{more}"


def _many(labels: Sequence[LabelNorm], flagged: tuple[int, ...], pixels: int) -> str | None:
    """Whether more than a few labels are small, and which of them lead."""
    small = {label.label for label in labels if is_small(label, pixels=pixels)} | {*flagged}
    if len(small) <= MANY * len(labels) or len(small) == len(flagged):
        return None
    several = len(flagged) > 1
    return (
        f"{len(small)} of {len(labels)} labels have a small trigger: the model is brittle or carries several, and "
        f"{'these' if several else 'this one'} lead{'' if several else 's'}."
    )


def _suspected(suspects: tuple[int, ...]) -> str | None:
    if not suspects:
        return None
    several = len(suspects) > 1
    return (
        f"{listed(suspects)}, next in size, {'are suspects' if several else 'is a suspect'}: not flagged, and repaired "
        "along."
    )


def _ended_early(labels: Sequence[LabelNorm]) -> str | None:
    cancelled = sum(label.state == "cancelled" for label in labels)
    return f"{cancelled} of {len(labels)} labels were not looked at to the end." if cancelled else None


def _hidden(labels: Sequence[LabelNorm], flagged: tuple[int, ...]) -> str | None:
    """What stood in the way to labels that were found all the same."""
    told = [(label.label, label.doubt) for label in labels if label.label in flagged and label.doubt is not None]
    if not told:
        return None
    number, doubt = told[0]
    others = f" (so it is with {listed(each for each, _ in told).lower()})" if len(told) > 1 else ""
    return f"The net hides the gradient that leads there: of label {number}, {doubt}{others}."


def _unseen(labels: Sequence[LabelNorm], flagged: tuple[int, ...]) -> str | None:
    """Cancelled labels are no failures: they were left out. What is flagged was seen."""
    tried = [label for label in labels if label.state != "cancelled" and label.label not in flagged]
    unseen = [label for label in tried if label.doubt is not None]
    if not unseen:
        return None
    return (
        f"{listed(label.label for label in unseen)} {_has(unseen)} no outcome, so nothing says that "
        f"{'they are' if len(unseen) > 1 else 'it is'} clean; of label {unseen[0].label}: {unseen[0].doubt}."
    )


def _has(labels: Sequence[object]) -> str:
    return "have" if len(labels) > 1 else "has"


def _left_out(labels: Sequence[LabelNorm], classes: int) -> str | None:
    """Labels may be left out beforehand, or cancelled when a budget was used up."""
    scanned = sum(label.state != "cancelled" for label in labels)
    if scanned >= classes:
        return None
    return f"{scanned} of {classes} labels were scanned, none is flagged; the others may hold a backdoor."


def _few(labels: Sequence[LabelNorm], judged: Judgement, calibration: Calibration, alpha: float) -> str | None:
    if calibration.decides(alpha):
        return None
    if len(labels) < FEW_LABELS:
        return (
            f"With {len(labels)} labels, fewer than {FEW_LABELS}, an outlier is hard to tell from chance and "
            f"no trigger is small and universal: pass --twins {needed(alpha)}, or a baseline of as many clean scans."
        )
    known = [norm for norm in reference_norms(labels) if math.isfinite(norm)]
    first = judged.steps[0] if judged.steps else None
    if first is None or first.reference_size < 3 or 2 * len(known) <= first.reference_size:
        return f"Only {len(known)} of the labels to compare with have a norm, too few to tell an outlier."
    return None


def _open(judged: Judgement, alpha: float) -> bool:
    """Whether nothing is beyond the error rate and something is near it."""
    nothing = not judged.found and judged.all_to_all is None
    return nothing and bool(judged.evidence) and judged.p_value <= NEAR * alpha


def _borderline(judged: Judgement, alpha: float) -> str | None:
    if not _open(judged, alpha):
        return None
    least = min(judged.evidence, key=lambda one: one.p_value)
    what = (
        "A trigger sends images of each class to one of its own more often than chance"
        if least.label is None
        else f"Label {least.label} is smaller than chance"
    )
    return (
        f"{what} would have it (p = {judged.p_value:.2g}), yet not below the limit of {alpha:g}: scan again with "
        "another seed or more images."
    )


def _whose(one: ModelEvidence) -> str:
    return "the net as a whole" if one.label is None else f"label {one.label}"


def _all_to_all(away: AnyTarget) -> str:
    """How a trigger sends each class to one of its own."""
    pairs = [f"{label} -> {to}" for label, to in sorted(away.class_map.items())]
    more = f" and {len(pairs) - MOST_PAIRS} more" if len(pairs) > MOST_PAIRS else ""
    return (
        f"A trigger of {away.norm:.3g} pixels sends the images of each class to another one of their own, an "
        f"all-to-all backdoor: {', '.join(pairs[:MOST_PAIRS])}{more}."
    )


def _indices(
    labels: Sequence[LabelNorm], found: Mapping[int, tuple[str, ...]], steps: Sequence[Step]
) -> tuple[LabelIndex, ...]:
    """Each label's indices: the paper's over the whole reference, log z as tested. found: label -> what flags it.

    The log z of a label that was not tested is taken over the reference without the outliers.
    """
    outliers = frozenset(label for label, kinds in found.items() if "outlier" in kinds)
    index_of = index_scale(reference_norms(labels))
    log_z_of = log_scale(reference_norms(labels, without=outliers))
    tested = {step.label: step.log_z for step in steps}

    def one(label: LabelNorm) -> LabelIndex:
        norm = label.norm if label.state == "done" else None
        z = None if norm is None else tested.get(label.label, log_z_of(norm))
        index = None if norm is None else index_of(norm)
        return LabelIndex(
            label=label.label,
            anomaly_index=index,
            log_z=z,
            flagged=label.label in found,
            rules=found.get(label.label, ()),
            outcome=label.label in found or label.doubt is None,
        )

    return tuple(one(label) for label in labels)
