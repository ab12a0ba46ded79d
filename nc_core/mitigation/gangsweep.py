"""The sweep of GangSweep (Zhu et al. 2020): fine-tune on images with the masks that generators make, true labels kept.

From the paper: the generator of an infected label makes the masks that mitigation learns from. Our choice: what is
learned from is a sample of masks, each of another image, of a generator trained on the net as it stands in every round;
beside them the triggers that are known already. How the net is fine-tuned, looked at again and held to its accuracy is
that of the other methods.
"""

from collections.abc import Callable, Sequence

from nc_core.gangsweep import Sweeper
from nc_core.mitigation.case import Case
from nc_core.mitigation.finetune import fine_tune, tuning_for
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.repair import Progress, Repair

LEAST_ROUNDS = 2
"""As for unlearning."""
MASKS = 16
"""Of each label and round that are learned from."""
SWEEPING = 0.5
"""Share of a round that generators are trained in, for the progress bar."""


def sweep(case: Case, *, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None) -> Repair:
    """Sweep the backdoor out; arguments, result and errors as in `RepairMethod`."""
    return close_loop(
        case,
        sweep_round,
        method="gangsweep",
        doing="sweeping",
        least=LEAST_ROUNDS,
        progress=progress,
        should_stop=should_stop,
    )


def sweep_round(
    bench: Bench,
    known: Sequence[TargetTrigger],
    *,
    seed: int,
    progress: Callable[[float], None],
    should_stop: Callable[[], bool] | None,
) -> bool:
    """One round, as in `Patch`."""
    masks = masks_of(bench, seed=seed, should_stop=should_stop)
    progress(SWEEPING)
    fine_tune(
        bench.model,
        bench.lessons,
        [*known, *masks],
        tuning=tuning_for(bench.lessons),
        seed=seed,
        progress=lambda done: progress(SWEEPING + (1.0 - SWEEPING) * done),
        should_stop=should_stop,
    )
    return True


def masks_of(bench: Bench, *, seed: int, should_stop: Callable[[], bool] | None = None) -> list[TargetTrigger]:
    """Masks that generators make for the flagged labels on the bench's net as it stands, MASKS a label that has any;
    none for suspects, of which most are clean: their masks are large, and unlearning them costs accuracy.

    Raises Cancelled when `should_stop` says so.
    """
    case = bench.case
    sweeper = Sweeper(bench.model, case.prepared, profile=case.profile, slots=1, compute=case.compute)
    return [
        TargetTrigger(label, trigger)
        for label in case.triggers
        if label not in case.suspects
        for trigger in sweeper.sweep(label, seed=seed, masks=MASKS, should_stop=should_stop)
    ]
