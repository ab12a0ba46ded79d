"""Clean scans that a model's statistics are held against, and the p-values that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from nc_core.detection.evidence import CalibrationUsed, ModelEvidence, Source
from nc_core.detection.norms import LabelNorm
from nc_core.detection.stepdown import Step, smallest_step


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """source: what the clean scans are. scans: the labels of each, as `detect` is given those of the model."""

    source: Source
    scans: tuple[tuple[LabelNorm, ...], ...]


def norm_evidence(first: Step | None, calibration: Calibration) -> tuple[ModelEvidence, ...]:
    """How far the smallest norm lies below the others, beside the same of each clean scan; () without a norm.

    The p-value is conformal: the rank among the clean scans and the model itself.
    """
    if first is None:
        return ()
    null = _statistics(calibration.scans)
    used = CalibrationUsed(source=calibration.source if null else "none", scans=len(null))
    p = (1 + sum(each >= first.log_z for each in null)) / (1 + len(null)) if null else first.p_value
    return (
        ModelEvidence(
            name="norm", statistic=first.log_z, p_value=p, calibration=used, label=first.label, null=tuple(null)
        ),
    )


def _statistics(scans: Sequence[Sequence[LabelNorm]]) -> list[float]:
    steps = (smallest_step(scan, taken=frozenset()) for scan in scans)
    return [step.log_z for step in steps if step is not None]
