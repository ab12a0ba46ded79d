"""From evidence to p-values and flagged labels, inside one stated error rate."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nc_core.detection.calibrated import judge_calibrated
from nc_core.detection.calibration import Calibration
from nc_core.detection.class_map import AnyTarget
from nc_core.detection.early import early_steps
from nc_core.detection.evidence import (
    ANY_TARGET,
    KINDS,
    TOGETHER,
    Kind,
    any_target_of,
    by_label,
)
from nc_core.detection.judgement import Judgement
from nc_core.detection.least import Least, least_of
from nc_core.detection.library import DETECTOR, FEW_LABELS, PRICES, Law, NullScan, law_of, scans_by
from nc_core.detection.norms import LabelNorm
from nc_core.detection.outliers import one_sided_log_z
from nc_core.detection.price import priced
from nc_core.detection.result import CalibrationUsed, ModelEvidence
from nc_core.detection.size import small_by_size
from nc_core.detection.stepdown import Step, step_down

SHARES: dict[Kind, float] = {"outlier": 0.15, "together": 0.5, "universality": 0.3, "size": 0.05}
"""Of the one error rate, the part of each test (weighted Bonferroni). That of the size rule is an aim: it has no
p-value."""
OF_FEW: dict[Kind, float] = {"outlier": 0.2, "together": 0.7, "size": 0.1}
"""The same of few labels, whose prices say little by themselves."""
BEYOND_LIBRARY: dict[Kind, float] = {"outlier": 0.6, "universality": 0.2, "size": 0.2}
"""The same of far more labels than any clean scan has: there the outlier test is the better one."""
ALONE: dict[Kind, float] = {"outlier": 0.8, "size": 0.2}
"""The same where too little was measured for more."""
EARLY, EARLY_BEYOND_LIBRARY = 0.2, 0.6
"""The part of the test of early masks, where they are known, beside clean scans and of far more labels than any has.
The others share the rest. It stands beside them because no clean scan that comes with Cleanse has early masks to be
held against."""
OF_THE_NET = 0.1
"""The part of the test of the net as a whole, where it can be made; the others share the rest."""
LEAST_LABELS, SPARED = 10, 2
"""Labels that clean scans are compared by: so many, or all of a model with fewer; and how many of these may be missing,
since not every label has images to measure on."""

Known = Mapping[int, Mapping[str, float]]
"""What was measured: label -> kind -> statistic."""


def judge(
    labels: Sequence[LabelNorm],
    *,
    classes: int,
    pixels: int,
    alpha: float,
    calibration: Calibration,
    detector: str = DETECTOR,
    clean: Sequence[NullScan] | None = None,
) -> Judgement:
    """Judge a scan: by clean scans of the same cell where there are enough, else each kind of evidence by itself.

    classes: of the model. pixels: H W. detector: what looked at the labels. clean: scans to be judged by where there
    are none of the same cell, None for those that come with Cleanse.
    """
    clean = scans_by(detector) if clean is None else clean
    known = by_label(labels, pixels=pixels)
    away = any_target_of(labels)
    law = None if away is None else law_of(classes=classes, measured={ANY_TARGET}, of=((ANY_TARGET,),), scans=clean)
    shares = shares_of(known, clean, classes=classes, of_net=law is not None)
    if calibration.decides(alpha):
        steps, _ = step_down(labels, alpha=alpha, share=shares["outlier"])
        return judge_calibrated(labels, pixels=pixels, alpha=alpha, calibration=calibration, steps=steps)
    together = _law(known, clean, classes=classes)
    least = Least() if together is None else least_of(clean, classes=classes)
    first = _early_share(known, together) if detector == DETECTOR else 0.0
    level = least.level((1.0 - first) * alpha)
    steps, outliers = step_down(labels, alpha=level, share=shares["outlier"])
    by_kind: dict[Kind, frozenset[int]] = {"outlier": outliers}
    told = [_of_steps("outlier", steps)]
    if together is not None:
        one, by_kind[TOGETHER] = _by_law(TOGETHER, together, known, level, shares[TOGETHER])
        told.append(one)
    if "universality" in shares:
        universal, by_kind["universality"] = _universality(labels, known, clean, classes, level, shares["universality"])
        told.append(universal)
    of_net = None if law is None or away is None else _of_net(law, away, shares[ANY_TARGET])
    told.append(of_net)
    judged = frozenset[int]() if together is None else frozenset(_scores(together, known))
    small = (label.label for label in labels if small_by_size(label, pixels=pixels, classes=classes))
    by_kind["size"] = frozenset(small) - judged
    tested = [one for one in told if one is not None]
    smallest = min((one.p_value for one in tested), default=1.0)
    beside = _Beside(least=least, share=1.0 - first)
    evidence = [beside.evidence(one) for one in tested]
    if first:
        early, by_kind["early"] = early_steps(labels, alpha=alpha, share=first)
        evidence += filter(None, [_of_steps("early", early)])
        shares = {"early": first, **{kind: (1.0 - first) * share for kind, share in shares.items()}}
    return Judgement(
        evidence=tuple(evidence),
        p_value=min((one.p_value for one in evidence), default=1.0),
        least=None if together is None else smallest,
        beside=least.scans,
        level=level,
        found=_kinds_of(by_kind),
        all_to_all=away if of_net is not None and of_net.p_value <= level else None,
        steps=tuple(replace(step, p_value=beside.p_value(step.p_value)) for step in steps),
        shares=shares,
    )


@dataclass(frozen=True, kw_only=True)
class _Beside:
    """From the p-values of tests to those of the whole rate. share: their part of it, all of them together."""

    least: Least
    share: float

    def p_value(self, least: float) -> float:
        return min(1.0, self.least.p_value(least) / self.share)

    def evidence(self, one: ModelEvidence) -> ModelEvidence:
        """Evidence with the p-value that it has as the least of a net, also where that went by the normal law."""
        bare = self.least.scans and one.calibration.source == "none"
        used = CalibrationUsed(source="library", scans=self.least.scans) if bare else one.calibration
        return replace(one, p_value=self.p_value(one.p_value), calibration=used)


def _early_share(known: Known, together: Law | None) -> float:
    """The part of the error rate that the test of early masks has; 0 where it cannot be made."""
    if not any("early" in own for own in known.values()):
        return 0.0
    return EARLY_BEYOND_LIBRARY if together is None else EARLY


def shares_of(known: Known, clean: Sequence[NullScan], *, classes: int, of_net: bool) -> dict[Kind, float]:
    """Each test's part of the error rate, of those that can be made. of_net: whether that of the whole net can.

    That depends on how many labels and images there are and on what was looked for, never on what was found. p-values
    are divided by their shares, so that each is held against the whole rate.
    """
    shares = _of_labels(known, clean, classes)
    if not of_net:
        return dict(shares)
    return {kind: (1.0 - OF_THE_NET) * share for kind, share in shares.items()} | {ANY_TARGET: OF_THE_NET}


def _of_labels(known: Known, clean: Sequence[NullScan], classes: int) -> Mapping[Kind, float]:
    if _law(known, clean, classes=classes) is not None:
        return SHARES if classes >= FEW_LABELS else OF_FEW
    if classes >= FEW_LABELS and any("price" in own for own in known.values()):
        return BEYOND_LIBRARY
    return ALONE


def _law(
    known: Known, clean: Sequence[NullScan], *, classes: int, of: Sequence[tuple[str, ...]] | None = None
) -> Law | None:
    """That of the clean scans by what nearly all labels have here. of: as in `law_of`.

    None of a scan of a few labels of many: clean scans are of all labels.
    """
    least = max(1, min(classes, LEAST_LABELS) - SPARED)
    having = Counter(kind for own in known.values() for kind in own)
    measured = [kind for kind, labels in having.items() if labels >= least]
    law = law_of(classes=classes, measured=measured, of=of, scans=clean)
    few = law is not None and len(_scores(law, known)) < least
    return None if few else law


def _universality(
    labels: Sequence[LabelNorm],
    known: Known,
    clean: Sequence[NullScan],
    classes: int,
    alpha: float,
    share: float,
) -> tuple[ModelEvidence | None, frozenset[int]]:
    """Prices beside those of clean nets; of far more labels than those have, beside the net's other labels alone."""
    law = _law(known, clean, classes=classes, of=PRICES)
    if law is None:
        steps, found = step_down([priced(label) for label in labels], alpha=alpha, share=share, measure=one_sided_log_z)
        return _of_steps("universality", steps), found
    return _by_law("universality", law, known, alpha, share)


def _by_law(name: Kind, law: Law, known: Known, alpha: float, share: float) -> tuple[ModelEvidence, frozenset[int]]:
    """The labels by how far what a law looks at lies from clean nets, and those that none of them is like."""
    scores = _scores(law, known)
    p_values = {label: min(1.0, law.p_value(score) / share) for label, score in scores.items()}
    first = max(scores, key=lambda label: (scores[label], -label))
    evidence = ModelEvidence(
        name=name,
        label=first,
        statistic=scores[first],
        p_value=p_values[first],
        calibration=CalibrationUsed(source="library", scans=len(law.scans)),
        null=law.null,
    )
    return evidence, frozenset(label for label, p in p_values.items() if p <= alpha)


def _of_net(law: Law, away: AnyTarget, share: float) -> ModelEvidence:
    return ModelEvidence(
        name=ANY_TARGET,
        label=None,
        statistic=away.share,
        p_value=min(1.0, law.p_value(law.score({ANY_TARGET: away.share})) / share),
        calibration=CalibrationUsed(source="library", scans=len(law.scans)),
        null=tuple(scan[ANY_TARGET] for scan in law.scans),
    )


def _scores(law: Law, known: Known) -> dict[int, float]:
    """Label -> score, of those that have all that the law looks at."""
    return {label: law.score(own) for label, own in known.items() if set(law.kinds) <= own.keys()}


def _of_steps(kind: Kind, steps: Sequence[Step]) -> ModelEvidence | None:
    """By the law of the net's own labels, which no clean scan was asked about."""
    if not steps:
        return None
    first, used = steps[0], CalibrationUsed(source="none", scans=0)
    return ModelEvidence(name=kind, label=first.label, statistic=first.log_z, p_value=first.p_value, calibration=used)


def _kinds_of(by_kind: dict[Kind, frozenset[int]]) -> dict[int, tuple[str, ...]]:
    everyone = sorted(frozenset[int]().union(*by_kind.values()))
    return {label: tuple(kind for kind in (*KINDS, TOGETHER) if label in by_kind.get(kind, ())) for label in everyone}
