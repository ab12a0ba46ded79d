"""Fine-pruning (Liu, Dolan-Gavitt and Garg 2018): prune what sleeps on clean data, then fine-tune on clean data.

The channels of the last convolution are silenced in the order of their activation on clean images, the least active
first, until accuracy has fallen by a stated share; then the net is fine-tuned on clean images, the pruned channels
staying silent. No trigger is looked at: the method is against backdoors in units that clean images leave idle.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import keras
import numpy as np
import numpy.typing as npt

from nc_core.errors import Cancelled, OptionRefused
from nc_core.mitigation.activations import Activations
from nc_core.mitigation.case import Case
from nc_core.mitigation.control import Control, control_of
from nc_core.mitigation.finetune import fine_tune, tuning_for
from nc_core.mitigation.lessons import Lessons, TargetTrigger
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.repair import Progress, Repair
from nc_core.mitigation.units import Silencer, Site, last_convolution

FALL = 0.04
"""Clean accuracy that the pruning of one round may cost, before the fine-tuning wins it back."""
STEPS = 32
"""Into which the channels are divided: one step silences this part of them, at least one."""
PRUNING_SHARE = 0.3
"""Of a round's patching, for the progress bar."""


def fine_prune(
    case: Case, *, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None
) -> Repair:
    """Prune and fine-tune; arguments, result and errors as in `RepairMethod`."""
    site = last_convolution(case.canonical)
    if site is None:
        raise OptionRefused(
            "fine-pruning prunes the last convolution, and this net has none before its scores: pass another --mitigate"
        )
    pruning = FinePruning(site)
    repair = close_loop(
        case,
        pruning,
        method="fine-pruning",
        doing="fine-pruning",
        progress=progress,
        should_stop=should_stop,
    )
    control = _control(case, site, pruning.silent_after[repair.rounds - 1], should_stop)
    return replace(repair, control=control, notes=(*repair.notes, control.note()))


def _control(case: Case, site: Site, silent: int, should_stop: Callable[[], bool] | None) -> Control:
    """One draw, fine-tuned once: that takes as long as a round."""
    bench = Bench(case)

    def tune(model: keras.Model, silencer: Silencer, units: npt.NDArray[np.int64], seed: int) -> None:
        _tuned(model, bench.lessons, silencer, units, seed=seed, progress=lambda _: None, should_stop=should_stop)

    return control_of(case, {site: silent}, draws=1, tune=tune)


def _tuned(
    model: keras.Model,
    lessons: Lessons,
    silencer: Silencer,
    silent: npt.NDArray[np.int64],
    *,
    seed: int,
    progress: Callable[[float], None],
    should_stop: Callable[[], bool] | None,
) -> None:
    """Fine-tuned on clean images, these units staying silent."""
    fine_tune(
        model,
        lessons,
        [],
        tuning=tuning_for(lessons),
        seed=seed,
        after_update=lambda: silencer.hold(silent),
        progress=progress,
        should_stop=should_stop,
    )


class FinePruning:
    """One round: what the rounds before have silenced stays so. silent_after: how many units are, after each round."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._silent: npt.NDArray[np.int64] | None = None
        self.silent_after: list[int] = []

    def __call__(
        self,
        bench: Bench,
        known: Sequence[TargetTrigger],  # noqa: ARG002, the method looks at none
        *,
        seed: int,
        progress: Callable[[float], None],
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """As in `Patch`."""
        silencer = Silencer(bench.model, self._site)
        before = np.zeros(0, np.int64) if self._silent is None else self._silent
        silent = prune_idle(bench, self._site, silencer, before, should_stop=should_stop)
        # The first round fine-tunes also a net of which nothing can be pruned.
        if self._silent is not None and len(silent) == len(before):
            return False
        self._silent = silent
        self.silent_after.append(len(silent))
        progress(PRUNING_SHARE)
        _tuned(
            bench.model,
            bench.lessons,
            silencer,
            silent,
            seed=seed,
            progress=lambda share: progress(PRUNING_SHARE + (1 - PRUNING_SHARE) * share),
            should_stop=should_stop,
        )
        return True


def prune_idle(
    bench: Bench,
    site: Site,
    silencer: Silencer,
    silent: npt.NDArray[np.int64],
    *,
    should_stop: Callable[[], bool] | None,
) -> npt.NDArray[np.int64]:
    """Silence channels beside the `silent` ones, the idlest on clean images first; returns all that are silent now."""
    activity = Activations(bench.case.canonical, bench.model, site)(bench.lessons.x)
    order = np.argsort(activity, kind="stable")
    order = np.concatenate([silent, order[~np.isin(order, silent)]])
    step, least = max(1, site.units // STEPS), bench.bound.share(bench.predict) - FALL
    # One channel is left: a net without any sees nothing, and cannot be fine-tuned.
    while len(more := order[: min(len(silent) + step, site.units - 1)]) > len(silent):
        if should_stop is not None and should_stop():
            raise Cancelled("the repair was cancelled")
        silencer.silence(more)
        if bench.bound.share(bench.predict) < least:
            silencer.silence(silent)
            break
        silent = more
    return silent
