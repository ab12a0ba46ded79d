"""From evidence to p-values and flagged labels, inside one stated error rate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nc_core.detection.calibration import Calibration, conformal, together
from nc_core.detection.evidence import KINDS, Kind, Leading, label_statistics, leading, statistics_of
from nc_core.detection.library import FEW_LABELS, null_of, tail_p
from nc_core.detection.norms import LabelNorm
from nc_core.detection.outliers import one_sided_log_z
from nc_core.detection.price import priced
from nc_core.detection.result import CalibrationUsed, ModelEvidence
from nc_core.detection.stepdown import Step, p_value, step_down

WEIGHTS: dict[Kind, float] = {"outlier": 2, "universality": 2, "price": 1}
"""Of the one error rate, where each kind of evidence is a test of its own (weighted Bonferroni)."""
AMONG_FEW: dict[Kind, float] = {"outlier": 1, "price": 1}
"""The same of fewer than `FEW_LABELS` labels, where a price has hardly others to stand out from."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """evidence: each kind's, its p-value held against the whole rate. p_value: of the model. found: label -> kinds that
    flag it, by label. steps: those of the outlier test. shares: of each kind's test, none where all evidence is one."""

    evidence: tuple[ModelEvidence, ...]
    p_value: float
    found: dict[int, tuple[str, ...]]
    steps: tuple[Step, ...]
    shares: dict[Kind, float]


def judge(
    labels: Sequence[LabelNorm], *, classes: int, pixels: int, alpha: float, calibration: Calibration
) -> Judgement:
    """Judge a scan: by clean scans of the same cell where there are enough, else each kind of evidence by itself.

    classes: of the model. pixels: H W.
    """
    shares = shares_of(labels, classes=classes, pixels=pixels)
    steps, outliers = step_down(labels, alpha=alpha, share=shares["outlier"])
    if calibration.decides(alpha):
        return _beside(labels, pixels=pixels, alpha=alpha, calibration=calibration, steps=steps)
    by_kind: dict[Kind, frozenset[int]] = {"outlier": outliers}
    told = [_of_steps("outlier", steps, CalibrationUsed(source="none", scans=0), ())]
    if "universality" in shares:
        one, by_kind["universality"] = _universality(labels, classes, alpha, shares["universality"])
        told.append(one)
    if "price" in shares:
        one, by_kind["price"] = _price(labels, classes, pixels, alpha, shares["price"])
        told.append(one)
    evidence = tuple(known for known in told if known is not None)
    return Judgement(
        evidence=evidence,
        p_value=min((known.p_value for known in evidence), default=1.0),
        found=_kinds_of(by_kind),
        steps=steps,
        shares=shares,
    )


def shares_of(labels: Sequence[LabelNorm], *, classes: int, pixels: int) -> dict[Kind, float]:
    """Each test's part of the error rate, by its weight, of those that can be made.

    That depends on how many labels and images there are, never on what was measured. p-values are divided by their
    shares, so that each is held against the whole rate.
    """
    measured = bool(label_statistics(labels, pixels=pixels)["price"])
    there: dict[Kind, bool] = {
        "outlier": True,
        "universality": measured,
        "price": measured and bool(null_of("price", classes=classes)),
    }
    weights = AMONG_FEW if classes < FEW_LABELS else WEIGHTS
    whole = sum(weight for kind, weight in weights.items() if there[kind])
    return {kind: weight / whole for kind, weight in weights.items() if there[kind]}


def _universality(
    labels: Sequence[LabelNorm], classes: int, alpha: float, share: float
) -> tuple[ModelEvidence | None, frozenset[int]]:
    """The outlier test on prices: by the library's law where it has one, else by the normal one."""
    null = null_of("universality", classes=classes)
    law: Callable[..., float] = (lambda z, **_: tail_p(z, null)) if null else p_value
    steps, found = step_down(
        [priced(label) for label in labels], alpha=alpha, share=share, law=law, measure=one_sided_log_z
    )
    used = CalibrationUsed(source="library" if null else "none", scans=len(null))
    return _of_steps("universality", steps, used, null), found


def _price(
    labels: Sequence[LabelNorm], classes: int, pixels: int, alpha: float, share: float
) -> tuple[ModelEvidence | None, frozenset[int]]:
    """The smallest price by itself, which the library alone can judge."""
    null = null_of("price", classes=classes)
    values = label_statistics(labels, pixels=pixels)["price"]
    p_values = {label: min(1.0, tail_p(value, null) / share) for label, value in values.items()}
    first = leading(labels, pixels=pixels)["price"]
    evidence = ModelEvidence(
        name="price",
        label=first.label,
        statistic=first.statistic,
        p_value=p_values[first.label],
        calibration=CalibrationUsed(source="library", scans=len(null)),
        null=null,
    )
    return evidence, frozenset(label for label, p in p_values.items() if p <= alpha)


def _of_steps(
    kind: Kind, steps: Sequence[Step], used: CalibrationUsed, null: tuple[float, ...]
) -> ModelEvidence | None:
    if not steps:
        return None
    first = steps[0]
    return ModelEvidence(
        name=kind, label=first.label, statistic=first.log_z, p_value=first.p_value, calibration=used, null=null
    )


def _beside(
    labels: Sequence[LabelNorm], *, pixels: int, alpha: float, calibration: Calibration, steps: tuple[Step, ...]
) -> Judgement:
    """One test of all kinds beside clean scans; labels are flagged that no clean scan has the like of."""
    own, first = statistics_of(labels, pixels=pixels), leading(labels, pixels=pixels)
    used = CalibrationUsed(source=calibration.source, scans=len(calibration.scans))
    evidence = tuple(_conformal(kind, first[kind], calibration, used) for kind in KINDS if kind in first)
    p = together(own, calibration.scans)
    found = _unlike(labels, pixels, calibration, alpha) if p <= alpha else {}
    return Judgement(evidence=evidence, p_value=p, found=found, steps=steps, shares={})


def _unlike(
    labels: Sequence[LabelNorm], pixels: int, calibration: Calibration, alpha: float
) -> dict[int, tuple[str, ...]]:
    """Labels that would make the model abnormal by themselves, with the kinds in which no clean scan reaches them."""
    by_label: dict[int, dict[str, float]] = {}
    for kind, values in label_statistics(labels, pixels=pixels).items():
        for label, value in values.items():
            by_label.setdefault(label, {})[kind] = value
    found: dict[int, tuple[str, ...]] = {}
    for label, own in sorted(by_label.items()):
        kinds = tuple(kind for kind in KINDS if kind in own and own[kind] > max(calibration.null(kind), default=0.0))
        if kinds and together(own, calibration.scans) <= alpha:
            found[label] = kinds
    return found


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


def _kinds_of(by_kind: dict[Kind, frozenset[int]]) -> dict[int, tuple[str, ...]]:
    everyone = sorted(frozenset[int]().union(*by_kind.values()))
    return {label: tuple(kind for kind in KINDS if label in by_kind.get(kind, ())) for label in everyone}
