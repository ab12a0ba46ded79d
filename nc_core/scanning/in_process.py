"""The rounds of one value range, driven in this process: of a submitted net, and of a repaired one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from nc_core.detection import AGAIN, LabelNorm, middle
from nc_core.inversion import Inversion, Inverter, Progress
from nc_core.inversion.partial import partial_triggers
from nc_core.scanning.budget import UNLIMITED, Budget, ends_round, used_up
from nc_core.scanning.conductor import Round, first_round, next_step
from nc_core.scanning.detectors import Detector
from nc_core.scanning.rounds import Plan, range_of, within_range

Told = Callable[[int, int, Progress], None]
"""Called with a round, a label and how far the label is."""


def invert_rounds(
    inverter_of: Callable[[str], Inverter],
    rounds: Plan,
    *,
    slots: int,
    seed: int,
    range: int = 0,
    classes: int,
    pixels: int,
    alpha: float,
    detector: Detector = "neural-cleanse",
    budget: Budget = UNLIMITED,
    progress: Told | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> dict[int, Inversion]:
    """Invert the labels of a plan round by round; the smallest are inverted again before they count.

    Args:
        inverter_of: the name of a profile -> what looks at labels with it; asked once for each profile in a row.
        slots: labels in one batch, at most. classes: of the model. pixels: H W.
        alpha: of the scan in all its ranges. detector: what `inverter_of` gives.
        budget: of time; labels that it leaves none for are `cancelled`.

    Returns:
        Each label's last outcome, with the updates, images and seconds of all its rounds.

    Raises:
        Cancelled: when `should_stop` says so.
    """
    inversions: dict[int, Inversion] = {}
    confirmed, inverters = set[int](), dict[str, Inverter]()
    step: Round | None = first_round(rounds, range=range)
    while step is not None and range_of(step.number) == range:
        profile = rounds.profile_of(step.number)
        if profile not in inverters:
            inverters = {profile: inverter_of(profile)}
        inverter = inverters[profile].with_slots(rounds.slots_of(step.number, slots))
        inversions |= _round(inverter, rounds, step, inversions, seed, budget, progress, should_stop)
        if rounds.purpose(step.number) == "confirmation":
            confirmed.update(step.labels)
        masks = {label: norm for label in step.labels if (norm := inversions[label].norm) is not None}
        step = next_step(
            rounds,
            step.number,
            norms_of(inversions, rounds),
            masks=masks,
            confirmed=confirmed,
            classes=classes,
            pixels=pixels,
            alpha=alpha,
            detector=detector,
            spent=budget.spent,
        )
    return inversions


def norms_of(inversions: Mapping[int, Inversion], rounds: Plan) -> list[LabelNorm]:
    """What detection reads of inversions."""
    return [
        LabelNorm(
            label=label,
            state=inversion.state,
            norm=inversion.norm,
            attack_success_rate=inversion.attack_success_rate,
            reference=label in rounds.reference,
            evidence=inversion.evidence,
            reason=inversion.reason,
            screened_norm=inversion.screened_norm,
        )
        for label, inversion in inversions.items()
    ]


def _round(
    inverter: Inverter,
    rounds: Plan,
    step: Round,
    before: Mapping[int, Inversion],
    seed: int,
    budget: Budget,
    progress: Told | None,
    should_stop: Callable[[], bool] | None,
) -> dict[int, Inversion]:
    """What stands for each label of a round after it. before: what stood for it until then.

    What has ended in time is asked whether it is universal whatever the budget says.
    """
    purpose, number = rounds.purpose(step.number), within_range(step.number)
    begun = {label: before[label].begun for label in step.labels} if rounds.carries(step.number) else {}
    found = inverter.invert(
        step.labels,
        seed=seed,
        starts=AGAIN if purpose == "confirmation" else (0,),
        begun=begun,
        round=number,
        progress=None if progress is None else lambda label, told: progress(step.number, label, told),
        should_stop=should_stop,
        out_of_time=(lambda: budget.spent) if ends_round(rounds, step.number) else None,
    )
    found = {label: found.get(label) or [_cancelled(label, budget)] for label in step.labels}
    several, chosen = dict[int, list[Inversion]](), dict[int, Inversion]()
    for label, fresh in found.items():
        several[label] = [before[label], *fresh] if purpose == "confirmation" else fresh
        chosen[label] = several[label][middle([one.norm for one in several[label]])]
    asked, again = [] if purpose == "screening" else list(chosen.values()), purpose == "confirmation"
    carried = inverter.transferability(asked, seed=seed, again=again, should_stop=should_stop)
    perturbed = inverter.perturbations(asked, seed=seed, again=again, should_stop=should_stop)
    few = {label: one.best for label, one in carried.items() if one is not None and one.best is not None}
    partial = partial_triggers(inverter.partials, few, seed=seed, again=again, should_stop=should_stop)
    margins = {one.label: inverter.margin(one, seed=seed, should_stop=should_stop) for one in asked if not again}
    of_net = [one.label for one in asked if rounds.asks_the_net(step.number, one.label)]
    away = {label: inverter.any_targets(seed=seed, should_stop=should_stop) for label in of_net}
    after = {}
    for label, one in chosen.items():
        earlier, first = before.get(label), before.get(label) if again else None
        more, moved, most = carried.get(label), perturbed.get(label), partial.get(label)
        sure = margins.get(label)
        whole = one.with_transfer(first.transfer if first else None, more)
        whole = whole.with_perturbation(first.perturbation if first else None, moved)
        whole = whole.with_partial(first.partial if first else None, most)
        whole = whole.with_margin(first.margins if first else None, sure).with_early(first)
        whole = whole.with_any_target(away.get(label) or (first.any_target if first else None))
        # Pictures are for the few labels that stand out: those that are confirmed.
        shown = moved if again else None
        whole = whole.with_arrays(first.arrays if first else whole.arrays, moved=shown, away=away.get(label))
        work = [*found[label], earlier] if earlier else found[label]
        besides = sum(each.gradient_images for each in (more, moved, most, sure, away.get(label)) if each is not None)
        screened = one.norm if purpose == "screening" and not earlier else earlier.screened_norm if earlier else None
        whole = replace(whole.with_starts(several[label]), screened_norm=screened)
        after[label] = _with_work_of(whole, work, besides)
    return after


def _cancelled(label: int, budget: Budget) -> Inversion:
    return Inversion.without_work(label, state="cancelled", reason=used_up(budget.minutes or 0.0))


def _with_work_of(one: Inversion, all_of_it: Sequence[Inversion], besides: int) -> Inversion:
    """besides: gradient images of what was looked at besides the inversions."""
    return replace(
        one,
        updates=sum(each.updates for each in all_of_it),
        gradient_images=sum(each.gradient_images for each in all_of_it) + besides,
        seconds=sum(each.seconds for each in all_of_it),
    )
