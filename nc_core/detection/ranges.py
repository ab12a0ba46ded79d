"""One verdict from the scans of several value ranges that the clean images fit alike.

Who plants a backdoor may also choose in which of those ranges it works, and labelled clean images cannot tell: a net
that is clean in 0..1 and backdoored in 0..255 answers clean images alike in both. So "clean" is said only where the
scan of every range is clean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nc_core.detection.result import Detection, RangeDetection
from nc_core.detection.suspects import precaution_of
from nc_core.detection.verdict import NEAR
from nc_core.detection.votes import listed


@dataclass(frozen=True, kw_only=True)
class ScannedRange:
    """The scan of one range. scale, offset (C,): its map from pixels to the model's input. first_round: of its labels.

    score: accuracy with labels, entropy of the answers without, on the images that ranges were compared on.
    clean_accuracy: on all of them, None without labels.
    """

    value_range: str
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    score: float
    clean_accuracy: float | None
    first_round: int
    detection: Detection


def share_of(alpha: float, ranges: int) -> float:
    """The false positive rate of one range's scan, so that all of them together keep `alpha` (Bonferroni)."""
    return alpha / ranges


def combine(scanned: Sequence[ScannedRange], *, alpha: float, labelled: bool, doubts: Sequence[str] = ()) -> Detection:
    """The verdict on the model, from its ranges in the order in which the images support them.

    scanned: each judged at `share_of(alpha)`. labelled: whether the images have labels: then each range that was
    scanned is one that the labels support, and a backdoor in any of them is one of the model. Without labels a range
    may be no more than a guess, so ranges that disagree leave it open. doubts: what speaks against the images or their
    range, as sentences without a full stop; with one of them nothing is called clean.
    """
    rests_on = _rests_on(scanned)
    found = scanned[rests_on].detection
    verdict, reason, suspects = found.verdict, found.reason, found.suspects
    if len(scanned) > 1:
        agree = labelled or len({one.detection.verdict == "backdoored" for one in scanned}) == 1
        verdict = found.verdict if agree else "inconclusive"
        reason = _told(scanned, rests_on, agree=agree)
        if verdict == "clean" and found.p_value <= NEAR * alpha:
            verdict, reason = "inconclusive", _nearly(scanned, rests_on)
            suspects = precaution_of(found.labels, found.evidence)
    if verdict == "clean" and doubts:
        verdict, reason = "inconclusive", f"No label is flagged, but {doubts[0]}."
    return replace(
        found,
        verdict=verdict,
        reason=reason,
        suspects=suspects,
        p_value=min(1.0, len(scanned) * found.p_value),
        threshold=alpha,
        rules=(*found.rules, *_rule(scanned, alpha)),
        doubts=tuple(doubts),
        range=rests_on,
        ranges=tuple(map(_entry, scanned)),
    )


def _rests_on(scanned: Sequence[ScannedRange]) -> int:
    """The first range that is backdoored, else the first without a verdict, else the one that is nearest to it."""
    verdicts = [one.detection.verdict for one in scanned]
    nearest = min(range(len(scanned)), key=lambda at: scanned[at].detection.p_value)
    return next((verdicts.index(worst) for worst in ("backdoored", "inconclusive") if worst in verdicts), nearest)


def _nearly(scanned: Sequence[ScannedRange], nearest: int) -> str:
    """Why a model is not called clean though each of its ranges is: a rate that is shared guards against false alarms,
    and is not to make it easier to be clean."""
    one = scanned[nearest]
    told = one.detection.reason.removesuffix(".")
    return (
        f"{told}. In {one.value_range} alone that would leave the verdict open, and the images cannot tell it from "
        f"{' and '.join(other.value_range for at, other in enumerate(scanned) if at != nearest)}: scan again with "
        "--value-range, the one that the model is used with."
    )


def _told(scanned: Sequence[ScannedRange], rests_on: int, *, agree: bool) -> str:
    chosen = scanned[rests_on]
    names = " and ".join(one.value_range for one in scanned)
    if not agree:
        return (
            f"The value range is ambiguous and the scans disagree: in {chosen.value_range}, "
            f"{_lower(chosen.detection.reason)} {_others(scanned, rests_on)} "
            "Scan again with --value-range, the one that the model is used with."
        )
    if chosen.detection.verdict == "clean":
        return f"{chosen.detection.reason} Scanned in {names}, which the images cannot tell apart: clean in each."
    return (
        f"{chosen.detection.reason} That is in the value range {chosen.value_range}, which the images cannot tell from "
        f"the others that were scanned. {_others(scanned, rests_on)}"
    )


def _others(scanned: Sequence[ScannedRange], rests_on: int) -> str:
    told = [f"In {one.value_range} {_outcome(one.detection)}." for at, one in enumerate(scanned) if at != rests_on]
    return " ".join(told)


def _outcome(found: Detection) -> str:
    if found.class_map:
        return "each class is sent to another one, too"
    if found.flagged_labels:
        return f"{_lower(listed(found.flagged_labels))} can be reached so, too"
    return "no label is flagged" if found.verdict == "clean" else "there is no verdict"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _rule(scanned: Sequence[ScannedRange], alpha: float) -> tuple[str, ...]:
    if len(scanned) == 1:
        return ()
    each = share_of(alpha, len(scanned))
    return (
        f"Value ranges: {len(scanned)} were scanned, each with a limit of {each:.3g}, so that all together keep "
        f"{alpha:g}; the model's p-value is that of one range times {len(scanned)}.",
    )


def _entry(one: ScannedRange) -> RangeDetection:
    found = one.detection
    return RangeDetection(
        value_range=one.value_range,
        scale=one.scale,
        offset=one.offset,
        score=one.score,
        clean_accuracy=one.clean_accuracy,
        first_round=one.first_round,
        verdict=found.verdict,
        reason=found.reason,
        flagged_labels=found.flagged_labels,
        p_value=found.p_value,
        threshold=found.threshold,
        anomaly_index=found.anomaly_index,
        log_z=found.log_z,
        labels=found.labels,
        evidence=found.evidence,
        class_map=found.class_map,
    )
