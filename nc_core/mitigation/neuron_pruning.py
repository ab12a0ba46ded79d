"""Neuron pruning (Wang et al. 2019, section VI-B): silence the units that the reversed triggers wake.

Units are ranked by their activation on stamped minus clean images, the widest gap first, and silenced in that order
until the triggers are dead or clean accuracy has reached the bound. The paper prunes the penultimate layer, or the last
convolution where that works better (on its face net): both are tried, each from the net as it stands, and the better
outcome is kept. That order and that rule are its own; that a trigger is called dead at 1%, and the steps, are ours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nc_core.choice import DEAD
from nc_core.errors import Cancelled, OptionRefused
from nc_core.mitigation.activations import Activations
from nc_core.mitigation.case import Case
from nc_core.mitigation.control import control_of
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.measures import attack_rate
from nc_core.mitigation.repair import Progress, Repair
from nc_core.mitigation.units import Silencer, Site, last_convolution, penultimate

STEPS = 32
"""Into which the units of a site are divided: one step silences this part of them, at least one unit."""


def prune_neurons(
    case: Case, *, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None
) -> Repair:
    """Prune the units that the triggers wake; arguments, result and errors as in `RepairMethod`."""
    sites = [site for site in (penultimate(case.canonical), last_convolution(case.canonical)) if site is not None]
    if not sites:
        raise OptionRefused(
            "neuron pruning needs a net that ends in a Dense layer or has a convolution, and this one has neither: "
            "pass another --mitigate"
        )
    pruning = Pruning(sites)
    repair = close_loop(
        case, pruning, method="neuron-pruning", doing="pruning", progress=progress, should_stop=should_stop
    )
    control = control_of(case, pruning.silent_after[repair.rounds - 1])
    return replace(repair, control=control, notes=(*repair.notes, control.note()))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pruned:
    """How far the pruning of one site went: units silenced, the worst trigger's rate and the accuracy then."""

    site: Site
    silencer: Silencer
    units: npt.NDArray[np.int64]
    attack: float
    share: float


class Pruning:
    """One round: the better of the sites; what the rounds before have silenced stays so.

    silent_after: how many units of each site are silent after each round.
    """

    def __init__(self, sites: Sequence[Site]) -> None:
        self._silent = {site: np.zeros(0, np.int64) for site in sites}
        self.silent_after: list[dict[Site, int]] = []

    def __call__(
        self,
        bench: Bench,
        known: Sequence[TargetTrigger],
        *,
        seed: int,  # noqa: ARG002, nothing is drawn
        progress: Callable[[float], None],
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """As in `Patch`; nothing is left where no unit can go, or none need."""
        tried = []
        for nth, (site, silent) in enumerate(self._silent.items()):

            def told(fraction: float, nth: int = nth) -> None:
                progress((nth + fraction) / len(self._silent))

            pruned = prune_site(bench, site, known, silent=silent, progress=told, should_stop=should_stop)
            pruned.silencer.silence(np.zeros(0, np.int64))
            tried.append(pruned)
        best = min(tried, key=lambda pruned: (max(pruned.attack, DEAD), -pruned.share))
        best.silencer.silence(best.units)
        self._silent[best.site] = np.concatenate([self._silent[best.site], best.units])
        self.silent_after.append({site: len(units) for site, units in self._silent.items()})
        return len(best.units) > 0


def prune_site(
    bench: Bench,
    site: Site,
    known: Sequence[TargetTrigger],
    *,
    silent: npt.NDArray[np.int64],
    progress: Callable[[float], None],
    should_stop: Callable[[], bool] | None,
) -> _Pruned:
    """Silence units of one site beside the `silent` ones, step by step, until every known trigger is dead or another
    step costs too much.
    """
    order = ranked(bench, site, known)
    # What leaves a unit is silenced, not the unit: it answers to triggers as before, and would be ranked first again.
    order = order[~np.isin(order, silent)]
    step = max(1, site.units // STEPS)
    silencer = Silencer(bench.model, site)
    units, attack, share = order[:0], _worst(bench, known), bench.bound.share(bench.predict)
    while attack > DEAD and len(units) < len(order):
        if should_stop is not None and should_stop():
            raise Cancelled("the repair was cancelled")
        more = order[: len(units) + step]
        silencer.silence(more)
        left = bench.bound.share(bench.predict)
        if left < bench.bound.cautious:
            break
        units, attack, share = more, _worst(bench, known), left
        progress(len(units) / len(order))
    progress(1.0)
    return _Pruned(site=site, silencer=silencer, units=units, attack=attack, share=share)


def ranked(bench: Bench, site: Site, known: Sequence[TargetTrigger]) -> npt.NDArray[np.int64]:
    """The units that some trigger wakes, the one with the widest gap first; those that none wakes are left out.

    The gap of a unit is its activation on stamped minus that on clean images of other classes, that of the trigger for
    which it is widest: each trigger may have units of its own.
    """
    activations, fit = Activations(bench.case.canonical, bench.model, site), bench.case.prepared.fit
    gaps = []
    for target, trigger in known:
        x = fit.x[fit.y != target]
        gaps.append(activations(trigger.stamp(x)) - activations(x))
    widest = np.max(gaps, axis=0)
    order = np.argsort(-widest, kind="stable")
    return order[widest[order] > 0]


def _worst(bench: Bench, known: Sequence[TargetTrigger]) -> float:
    return max(attack_rate(bench.predict, bench.case.prepared.fit, label, trigger) for label, trigger in known)
