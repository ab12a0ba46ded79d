"""Judges a scan beside clean ones of the same cell: baselines, a fleet, or clean twins."""

from collections.abc import Mapping, Sequence

from nc_core.detection.calibration import Calibration, conformal, distance, together
from nc_core.detection.evidence import (
    ANY_TARGET,
    KINDS,
    Kind,
    Leading,
    any_target_of,
    by_label,
    leading,
    statistics_of,
)
from nc_core.detection.judgement import Judgement
from nc_core.detection.norms import LabelNorm
from nc_core.detection.result import CalibrationUsed, ModelEvidence
from nc_core.detection.stepdown import Step


def judge_calibrated(
    labels: Sequence[LabelNorm], *, pixels: int, alpha: float, calibration: Calibration, steps: tuple[Step, ...]
) -> Judgement:
    """One test of all kinds beside clean scans; labels are flagged that no clean scan has the like of.

    Whether the model is abnormal is asked first, and answered at the stated rate. Where most of its labels would be
    flagged then, or none, the one that is farthest from the clean scans leads: of two classes a planted trigger often
    makes the way to the other one shorter as well.
    """
    own, first = statistics_of(labels, pixels=pixels), leading(labels, pixels=pixels)
    used = CalibrationUsed(source=calibration.source, scans=len(calibration.scans))
    evidence = tuple(_conformal(kind, first[kind], calibration, used) for kind in KINDS if kind in first)
    p = together(own, calibration.scans)
    found = _unlike(labels, pixels, calibration, alpha) if p <= alpha else {}
    away = any_target_of(labels) if p <= alpha else None
    if away is not None and away.share <= max(calibration.null(ANY_TARGET), default=1.0):
        away = None
    if p <= alpha and away is None and not 1 <= len(found) <= max(1, len(labels) // 2):
        found = _farthest(by_label(labels, pixels=pixels), calibration)
    return Judgement(
        evidence=evidence,
        p_value=p,
        least=None,
        beside=0,
        level=alpha,
        found=found,
        all_to_all=away,
        steps=steps,
        shares={},
    )


def _unlike(
    labels: Sequence[LabelNorm], pixels: int, calibration: Calibration, alpha: float
) -> dict[int, tuple[str, ...]]:
    """Labels that would make the model abnormal by themselves, with the kinds in which no clean scan reaches them."""
    found: dict[int, tuple[str, ...]] = {}
    for label, own in sorted(by_label(labels, pixels=pixels).items()):
        kinds = tuple(kind for kind in KINDS if kind in own and own[kind] > max(calibration.null(kind), default=0.0))
        if kinds and together(own, calibration.scans) <= alpha:
            found[label] = kinds
    return found


def _farthest(statistics: Mapping[int, Mapping[str, float]], calibration: Calibration) -> dict[int, tuple[str, ...]]:
    """The one label whose statistics lie farthest from those of the clean scans, with the kind that does."""
    scans = calibration.scans
    first = max(statistics, key=lambda label: (distance(statistics[label], scans), -label))
    own = statistics[first]
    measured = [kind for kind in KINDS if kind in own]
    return {first: (max(measured, key=lambda kind: distance({kind: own[kind]}, scans)),)}


def _conformal(kind: Kind, first: Leading, calibration: Calibration, used: CalibrationUsed) -> ModelEvidence:
    null = calibration.null(kind)
    return ModelEvidence(
        name=kind,
        label=first.label,
        statistic=first.statistic,
        p_value=conformal(first.statistic, null),
        calibration=used,
        null=null,
    )
