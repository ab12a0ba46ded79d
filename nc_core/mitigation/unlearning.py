"""Unlearning (Wang et al. 2019, section VI-C): fine-tune on images with reversed triggers and their true labels."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from nc_core.inversion import ALL_PROFILES, Inverter
from nc_core.mitigation.case import Case
from nc_core.mitigation.finetune import MATCHING, Tuning, fine_tune, tuning_for
from nc_core.mitigation.lessons import TargetTrigger, taught_by_labels
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.perturbation import unlearn_perturbations
from nc_core.mitigation.redraw import redraw
from nc_core.mitigation.repair import Progress, Repair
from nc_core.profiles.proportional import ProportionalControl

LEAST_ROUNDS = 2
"""With labels a second is made also where nothing small is found: detection finds nothing long before the attack is
dead. Without them it costs more agreement than the last patch, which leaves less: on the real sunglasses BadNet a
second round left 9 to 18% of the true attacks, and the last patch after one round, at the same agreement, 0 to 5%."""
SLOWER = (1.0, 0.3, 0.1)
"""Learning rates that a round tries one after the other, as parts of the first."""
FASTER = 3.0
"""The first, where the net's own logits are learned, as a multiple of that of `MATCHING`: they hold the net where it
was. On the face net with three triggers one round at 1e-3 left them 1, 20 and 29%, with agreement at .98 on strangers
that the net is sure of; two at 3e-4 left 0, 32 and 45% at .97."""
REDRAWN = 0.4
"""Share of the weights that a round draws anew (see `redraw`) where that costs no accuracy. One round left 76, 79 and
67% of a warping, a patch and a sinusoid, and with 60% drawn anew 25, 48 and 0%; with 80% it cost 2 to 3 points of
accuracy in all. Only where the net's own logits are learned: where 2,400 labels were, with 80% of a real GTSRB BadNet,
accuracy stayed on images like them, and fell from .99 to .77 on others."""
RELEARNING = replace(MATCHING, learning_rate=3e-3, epochs=6, least_updates=720)
"""After that: a rate that takes the net far from where it was, and updates enough to come back to its answers. One
round left 6, 13 and 3% of a sinusoid, a warping and a low-frequency pattern, and 800 updates at 1e-3 left 12, 38 and
7%."""
FREE = 0.005
"""The accuracy that counts as no cost: one image of 200."""
EARLY = (12, 30)
"""Steps after which the optimisation of an early trigger is stopped."""
EARLY_STARTS = (0, 1, 2)


def unlearn(case: Case, *, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None) -> Repair:
    """Unlearn the reversed triggers; arguments, result and errors as in `RepairMethod`."""
    labelled = case.prepared.labelled
    rounds = Unlearning(anew=_anew(case) if labelled and not taught_by_labels(case.prepared) else ())
    return close_loop(
        case,
        rounds,
        method="unlearning",
        doing="unlearning",
        least=LEAST_ROUNDS if labelled else 1,
        last=rounds.with_perturbations if labelled else unlearn_perturbations,
        progress=progress,
        should_stop=should_stop,
    )


def _anew(case: Case) -> Sequence[Tuning]:
    """How a net may learn again, the first that is borne: with batch normalisation as it is, and following the images.

    Of two nets with it the one lost .8 points of accuracy where it stayed and none where it followed; the other kept
    13% of the attack where it stayed, and 31% where it followed.
    """
    normalises = any(layer.kind == "BatchNormalization" for layer in case.canonical.layers)
    return [RELEARNING, replace(RELEARNING, normalising=True)] if normalises else [RELEARNING]


class Unlearning:
    """One round; the submitted net's early triggers are unlearned along in all of them.

    anew: how the net learns again after a share of its weights was drawn anew, each tried where the one before it costs
    accuracy. What did cost some is not tried again.
    """

    def __init__(self, *, anew: Sequence[Tuning] = ()) -> None:
        self._early: list[TargetTrigger] | None = None
        self._anew = anew

    def __call__(
        self,
        bench: Bench,
        known: Sequence[TargetTrigger],
        *,
        seed: int,
        progress: Callable[[float], None],
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """As in `Patch`."""
        if self._early is None:
            self._early = early_triggers(bench, seed=seed, should_stop=should_stop)
        self._anew = unlearn_round(
            bench,
            [*known, *self._early],
            anew=self._anew,
            seed=seed,
            progress=progress,
            should_stop=should_stop,
        )
        return True

    def with_perturbations(
        self,
        bench: Bench,
        known: Sequence[TargetTrigger],
        *,
        seed: int,
        progress: Callable[[float], None],
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """One round more, and universal perturbations after it; as in `Patch`.

        On a drawn net with three triggers this left .1 to .2% where two rounds left 1 to 7%, on two with one trigger 3
        and 5% where they left 3 and 7%, at .1 to .8 points of accuracy in all; on a fourth nothing of it was kept.
        """
        other = int(np.random.default_rng([seed, 0x1A57]).integers(2**31))
        self(bench, known, seed=other, progress=lambda done: progress(done / 2), should_stop=should_stop)
        return unlearn_perturbations(
            bench, known, seed=seed, progress=lambda done: progress((1 + done) / 2), should_stop=should_stop
        )


def unlearn_round(
    bench: Bench,
    known: Sequence[TargetTrigger],
    *,
    anew: Sequence[Tuning],
    seed: int,
    progress: Callable[[float], None],
    should_stop: Callable[[], bool] | None,
) -> Sequence[Tuning]:
    """Unlearn triggers as thoroughly as the accuracy bound bears on images that nothing was learned from.

    First with a share of the weights drawn anew, learning in each way of `anew`, where that costs `FREE` at most;
    otherwise at the fastest learning rate that the bound bears. The most that is borne, since what it costs can be
    measured, and what it leaves of the planted trigger cannot. Where no rate bears it with two standard errors to
    spare, the slowest it is. Whether the reversed triggers died is asked by the loop, with fresh ones: to try
    slower rates where they did not took twice as long a round on the face net with three triggers, and left 11, 40
    and 10% of the true attacks where 14, 5 and 3% are left without it. Returns those of `anew` that are worth
    another try.
    """
    before = bench.model.get_weights()
    tunings = [*anew, *_slower(bench)]
    for nth, tuning in enumerate(tunings):

        def told(done: float, nth: int = nth) -> None:
            progress((nth + done) / len(tunings))

        bench.model.set_weights(before)
        if again := nth < len(anew):
            redraw(bench.model, REDRAWN, seed=seed)
        fine_tune(bench.model, bench.lessons, known, tuning=tuning, seed=seed, progress=told, should_stop=should_stop)
        least = max(bench.bound.cautious, bench.bound.before - FREE) if again else bench.bound.cautious
        if bench.bound.share(bench.predict) >= least:
            break
    progress(1.0)
    return anew[nth:]


def _slower(bench: Bench) -> list[Tuning]:
    """What a round tries one after the other where nothing is drawn anew, the fastest first."""
    tuning = tuning_for(bench.lessons)
    first = tuning.learning_rate * (FASTER if bench.lessons.logits else 1.0)
    return [replace(tuning, learning_rate=part * first) for part in SLOWER]


def early_triggers(bench: Bench, *, seed: int, should_stop: Callable[[], bool] | None = None) -> list[TargetTrigger]:
    """Triggers as they stand early in their optimisation, of the leading labels, on the bench's net as it stands.

    The smallest trigger that works is a part of the planted one; with it unlearned, the rest still works. Early masks
    are several times as large and hold most of what the net answers to. On the face net with three triggers one round
    with them left 0, 22 and 16% of the true attacks, without them 1, 20 and 29%; on the real sunglasses BadNet 32% at
    an accuracy of .96 on its own people, and 47% at .94. On an MNIST net with labels it left 1, 1 and 0% of three
    triggers, without them 6, 30 and 0%. None of suspects, of which most are clean: what is large and works on a clean
    net as well costs accuracy. Raises Cancelled when `should_stop` says so.
    """
    case, made = bench.case, list[TargetTrigger]()
    labels = [label for label in case.first if label not in case.suspects]
    for steps in EARLY:
        profile = replace(ALL_PROFILES["screening"], max_steps=steps, control=ProportionalControl(patience=steps))
        inverter = Inverter(bench.model, case.prepared, profile=profile, slots=case.slots, compute=case.compute)
        found = inverter.invert(labels, seed=seed, starts=EARLY_STARTS, should_stop=should_stop)
        made += [
            TargetTrigger(label, one.trigger)
            for label, several in found.items()
            for one in several
            if one.trigger is not None
        ]
    return made
