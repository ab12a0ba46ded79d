"""Looks at a repaired net as a scan would: the labels it is repaired of from several starts, then all labels."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import keras
import numpy as np

from nc_core.detection import Detection, LabelNorm, middle
from nc_core.detection.outliers import SIZE_FLOOR
from nc_core.inversion import Inversion, Inverter
from nc_core.inversion import Progress as InversionProgress
from nc_core.mitigation.case import Case
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.whole import Whole

STARTS = (0, 1, 2)
"""Random starts of every repaired label: a net is taken for repaired when none of the three finds a small trigger."""
CLEAN_QUANTILE = 0.05
"""A trigger is small where its norm lies below this quantile of the norms of the net's clean labels, and an early mask
likewise below that of theirs."""
ENOUGH = 19
"""Norms from which on the least of them is such a quantile: a further one lies below it once in twenty."""
SPREAD, WEIGHT = 0.4, 2
"""Standard deviation that the log norms of a clean net's labels are taken to have before they are looked at, and the
labels that this counts for. Chosen on clean nets of the zoo's choosing thirds: of their labels 2 of 30 (2 classes), 4
of 70 (5) and 5 of 120 (10) lay below the quantile that the net's other labels gave, and below the least of those half,
a fifth and a tenth."""


@dataclass(frozen=True, kw_only=True)
class Rescan:
    """A label inverted afresh on the repaired net: one that was flagged, or that the scan of the repaired net flags.

    norms: of every start, None where nothing converged; norm: the middle one. flagged: whether detection would find it
    again, among the norms of the scan. clean_quantile: of the repaired net's clean labels, the norm below which a
    trigger is small; None where none of them has a trigger, and every one is small, or where there are none. small:
    whether one of the norms is, or its early mask beside theirs; without clean labels, whether detection would find one
    of the norms. early_norm: of its mask after the first steps of the scan of all labels; early_quantile: that of the
    clean labels; None where too few have one. scanned: norm of the
    trigger that was taken away, None of a label that the scan of the submitted net did not give to the repair.
    """

    norm: float | None
    flagged: bool
    norms: tuple[float | None, ...]
    clean_quantile: float | None
    small: bool
    scanned: float | None = None
    early_norm: float | None = None
    early_quantile: float | None = None

    @property
    def small_early_alone(self) -> bool:
        """Whether nothing of the label is small but its early mask."""
        if self.clean_quantile is None or self.flagged:
            return False
        return self.small and not _any_below(self.norms, self.clean_quantile)

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return {**vars(self), "norms": list(self.norms)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What one look found: the outcome of every label under repair, and all triggers that converged.

    whole: the scan of all labels; None where only the labels under repair were looked at, and until then small is what
    detection would find.
    """

    rescan: dict[int, Rescan]
    triggers: tuple[TargetTrigger, ...]
    whole: Detection | None = None

    @property
    def small(self) -> tuple[int, ...]:
        """The labels for which a small trigger is left."""
        return tuple(label for label, rescan in self.rescan.items() if rescan.small)


class Rescanner:
    """Looks at one net again and again while it is repaired."""

    def __init__(self, case: Case, model: keras.Model) -> None:
        self._case, self._model = case, model
        self._inverter: Inverter | None = None
        self._labels = list(case.triggers)

    def look(
        self,
        *,
        seed: int,
        progress: Callable[[float], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Found:
        """Invert every label under repair from three fresh starts."""
        share = _Share(progress, len(self._labels))
        fresh = self._invert(seed, share, should_stop)
        return Found(
            rescan={label: self._rescan(label, several) for label, several in fresh.items()},
            triggers=tuple(
                TargetTrigger(label, one.trigger)
                for label, several in fresh.items()
                for one in several
                if one.trigger is not None
            ),
        )

    def settle(
        self,
        found: Found,
        *,
        seed: int,
        progress: Callable[[float], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Found:
        """Scan all labels of the net as it stands: which of those under repair are small beside its clean ones, and
        which others stand out now. Those are under repair from then on.
        """
        whole = self._case.whole(self._model, seed=seed, progress=progress, should_stop=should_stop)
        quantile = clean_quantile([_size(one) for one in whole.clean(self._labels)])
        known = found.rescan
        judged = known if quantile is None else {label: _beside(one, quantile) for label, one in known.items()}
        judged = {label: self._early(one, label, whole) for label, one in judged.items()}
        # A label that merely leaves the verdict open is no reason for another round.
        standing = whole.detection.to_repair if whole.detection.verdict == "backdoored" else ()
        new = {label: whole.inversions[label] for label in standing if label not in self._labels}
        triggers = [TargetTrigger(label, one.trigger) for label, one in new.items() if one.trigger is not None]
        self._labels += [one.target for one in triggers]
        stand_out = {label: _standing_out(one, quantile) for label, one in new.items()}
        return Found(rescan={**judged, **stand_out}, triggers=(*found.triggers, *triggers), whole=whole.detection)

    def _invert(self, seed: int, share: "_Share", should_stop: Callable[[], bool] | None) -> dict[int, list[Inversion]]:
        case = self._case
        # A twin in another precision has weights of its own, which did not follow the repair.
        if self._inverter is None or case.compute != "float32":
            self._inverter = Inverter(
                self._model, case.prepared, profile=case.profile, slots=case.slots, compute=case.compute
            )
        return self._inverter.invert(
            self._labels, seed=seed, starts=STARTS, progress=share.tell, should_stop=should_stop
        )

    def _rescan(self, label: int, several: Sequence[Inversion]) -> Rescan:
        norms = tuple(one.norm for one in several)
        flagged = [self._flagged(one) for one in several]
        chosen = middle(norms)
        scanned = self._case.triggers.get(label)
        return Rescan(
            norm=norms[chosen],
            flagged=flagged[chosen],
            norms=norms,
            clean_quantile=None,
            small=any(flagged),
            scanned=None if scanned is None else scanned.norm,
        )

    def _early(self, found: Rescan, label: int, whole: Whole) -> Rescan:
        """The same with the label's early mask, which may be short still where the norm looks clean."""
        own = whole.inversions[label].early_norm if label in whole.inversions else None
        quantile = clean_quantile(whole.early_norms(self._labels))
        if own is None or quantile is None:
            return found
        return replace(found, small=found.small or own < quantile, early_norm=own, early_quantile=quantile)

    def _flagged(self, one: Inversion) -> bool:
        rate = one.attack_success_rate
        return self._case.still_flagged(
            LabelNorm(label=one.label, state=one.state, norm=one.norm, attack_success_rate=rate)
        )


def clean_quantile(norms: Sequence[float]) -> float | None:
    """The 5% quantile, the least norm that 5% reach; infinity, of labels that did not converge, is larger than any.

    The least of few norms says little: a further clean one lies below the only one there is every second time. There
    the quantile is that of a further norm, normal on the log scale with the spread of these and `SPREAD` together,
    where that is less than the least of them. None without a norm: there is nothing to be small beside.
    """
    if not len(norms):
        return None
    least = float(np.quantile(norms, CLEAN_QUANTILE, method="inverted_cdf"))
    logs = np.log([max(norm, SIZE_FLOOR) for norm in norms if math.isfinite(norm)])
    if len(norms) >= ENOUGH or not len(logs):
        return least
    variance = (WEIGHT * SPREAD**2 + len(logs) * logs.var()) / (WEIGHT + len(logs) - 1)
    further = NormalDist(float(logs.mean()), math.sqrt(variance * (1 + 1 / len(logs))))
    return min(least, math.exp(further.inv_cdf(CLEAN_QUANTILE)))


def _beside(found: Rescan, quantile: float) -> Rescan:
    return replace(found, clean_quantile=_finite(quantile), small=_any_below(found.norms, quantile))


def _any_below(norms: Sequence[float | None], quantile: float) -> bool:
    return any(norm is not None and norm < quantile for norm in norms)


def _standing_out(found: Inversion, quantile: float | None) -> Rescan:
    norms = (found.norm,)
    return Rescan(norm=found.norm, flagged=True, norms=norms, clean_quantile=_finite(quantile), small=True)


def _finite(quantile: float | None) -> float | None:
    return quantile if quantile is not None and math.isfinite(quantile) else None


def _size(inversion: Inversion) -> float:
    return math.inf if inversion.norm is None else inversion.norm


class _Share:
    """The share of a look that is done."""

    def __init__(self, progress: Callable[[float], None] | None, labels: int) -> None:
        self._progress, self._labels = progress, labels
        self._done: dict[int, float] = {}

    def tell(self, label: int, told: InversionProgress) -> None:
        """How far one inversion is; of several of one label the furthest counts."""
        self._done[label] = max(self._done.get(label, 0.0), told.updates / told.budget)
        if self._progress is not None:
            self._progress(sum(self._done.values()) / self._labels)
