"""Looks at a repaired net as a scan would: are its flagged labels still easier to reach than its clean ones?"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from nc_core.detection import LabelNorm, middle
from nc_core.inversion import Inversion, Inverter
from nc_core.inversion import Progress as InversionProgress
from nc_core.mitigation.case import Case
from nc_core.mitigation.lessons import TargetTrigger

STARTS = (0, 1, 2)
"""Random starts of every flagged label: a net is taken for repaired when none of the three finds a small trigger."""
CLEAN_QUANTILE = 0.05
"""A trigger is small where its norm lies below this quantile of the norms of the net's clean labels."""
CLEAN_LABELS = 20
"""Clean labels of the repaired net that are inverted for the quantile, at most: the fewest of which one is 5%."""


@dataclass(frozen=True, kw_only=True)
class Rescan:
    """A flagged label inverted afresh on the repaired net.

    norms: of every start, None where nothing converged; norm: the middle one. flagged: whether detection would find it
    again, among the norms of the scan. clean_quantile: of the repaired net's clean labels, the norm below which a
    trigger is small; None where none of them has a trigger, and every one is small, or where there are none. small:
    whether one of the norms is; without clean labels, whether detection would find one of them.
    """

    norm: float | None
    flagged: bool
    norms: tuple[float | None, ...]
    clean_quantile: float | None
    small: bool

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return {**vars(self), "norms": list(self.norms)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What one look found: every flagged label's outcome, and all triggers that converged.

    settled: whether clean labels were looked at as well; until then small is what detection would find.
    """

    rescan: dict[int, Rescan]
    triggers: tuple[TargetTrigger, ...]
    settled: bool

    @property
    def small(self) -> tuple[int, ...]:
        """The flagged labels for which a small trigger is left."""
        return tuple(label for label, rescan in self.rescan.items() if rescan.small)


class Rescanner:
    """Inverts labels of one net again and again while it is repaired."""

    def __init__(self, case: Case, model: keras.Model) -> None:
        self._case, self._model = case, model
        self._inverter: Inverter | None = None

    def look(
        self,
        *,
        seed: int,
        settle: bool = True,
        progress: Callable[[float], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Found:
        """Invert every flagged label from three fresh starts.

        settle: also say what is small; False where another round follows whatever is found.
        """
        case = self._case
        share = _Share(progress, len(case.triggers))
        fresh = self._invert(list(case.triggers), seed, STARTS, share, should_stop)
        found = Found(
            rescan={label: self._rescan(several) for label, several in fresh.items()},
            triggers=tuple(
                TargetTrigger(label, one.trigger)
                for label, several in fresh.items()
                for one in several
                if one.trigger is not None
            ),
            settled=False,
        )
        return self.settle(found, seed=seed, share=share, should_stop=should_stop) if settle else found

    def settle(
        self,
        found: Found,
        *,
        seed: int,
        share: "_Share | None" = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Found:
        """Say what is small of what was found on the net as it stands, beside its own clean labels: the same ones every
        time.
        """
        sample, share = self._clean_labels(), share or _Share(None, 0)
        share.begin(len(sample))
        clean = self._invert(sample, seed, (0,), share, should_stop) if sample else {}
        quantile = clean_quantile([_size(one) for (one,) in clean.values()])
        if quantile is None:
            return replace(found, settled=True)
        judged = {label: _beside(one, quantile) for label, one in found.rescan.items()}
        return replace(found, rescan=judged, settled=True)

    def _invert(
        self,
        labels: Sequence[int],
        seed: int,
        starts: Sequence[int],
        share: "_Share",
        should_stop: Callable[[], bool] | None,
    ) -> dict[int, list[Inversion]]:
        case = self._case
        # A twin in another precision has weights of its own, which did not follow the repair.
        if self._inverter is None or case.compute != "float32":
            self._inverter = Inverter(
                self._model, case.prepared, profile=case.profile, slots=case.slots, compute=case.compute
            )
        return self._inverter.invert(labels, seed=seed, starts=starts, progress=share.tell, should_stop=should_stop)

    def _clean_labels(self) -> list[int]:
        case = self._case
        others = [label for label in range(case.prepared.classes) if label not in case.triggers]
        drawn = np.random.default_rng([case.seed, 0xC1EA]).permutation(others)[:CLEAN_LABELS]
        return sorted(map(int, drawn))

    def _rescan(self, several: Sequence[Inversion]) -> Rescan:
        norms = tuple(one.norm for one in several)
        flagged = [self._flagged(one) for one in several]
        chosen = middle(norms)
        return Rescan(norm=norms[chosen], flagged=flagged[chosen], norms=norms, clean_quantile=None, small=any(flagged))

    def _flagged(self, one: Inversion) -> bool:
        rate = one.attack_success_rate
        return self._case.still_flagged(
            LabelNorm(label=one.label, state=one.state, norm=one.norm, attack_success_rate=rate)
        )


def clean_quantile(norms: Sequence[float]) -> float | None:
    """The 5% quantile, the least norm that 5% reach; infinity, of labels that did not converge, is larger than any.

    None without a norm: there is nothing to be small beside.
    """
    return float(np.quantile(norms, CLEAN_QUANTILE, method="inverted_cdf")) if len(norms) else None


def _beside(found: Rescan, quantile: float) -> Rescan:
    small = any(norm is not None and norm < quantile for norm in found.norms)
    return replace(found, clean_quantile=quantile if math.isfinite(quantile) else None, small=small)


def _size(inversion: Inversion) -> float:
    return math.inf if inversion.norm is None else inversion.norm


class _Share:
    """The share of a look that is done: half for the flagged labels, half for the clean ones."""

    def __init__(self, progress: Callable[[float], None] | None, labels: int) -> None:
        self._progress, self._labels, self._base = progress, labels, 0.0
        self._done: dict[int, float] = {}

    def begin(self, labels: int) -> None:
        """Go on with the clean labels."""
        self._labels, self._base, self._done = labels, 0.5, {}

    def tell(self, label: int, told: InversionProgress) -> None:
        """How far one inversion is; of several of one label the furthest counts."""
        self._done[label] = max(self._done.get(label, 0.0), told.updates / told.budget)
        if self._progress is not None:
            self._progress(self._base + sum(self._done.values()) / self._labels / 2)
