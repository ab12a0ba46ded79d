"""From labels to inversions: what one scan of one model shares, and the plain loop over its labels."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from itertools import takewhile

import keras
import numpy as np

from nc_core.datasets.prepared import Prepared
from nc_core.detection.outcome import Evidence
from nc_core.errors import Cancelled, NothingToInvert
from nc_core.inversion.any_target import AnyTargets
from nc_core.inversion.heading import IMAGES, Heading
from nc_core.inversion.layout import Layout
from nc_core.inversion.loop import Job, Progress, run
from nc_core.inversion.margin import Margin
from nc_core.inversion.partial import Partials
from nc_core.inversion.predict import Predictor, holdout_rate
from nc_core.inversion.program import SlotProgram
from nc_core.inversion.rescue import Rescue
from nc_core.inversion.slots import Outcome, SlotLoop
from nc_core.inversion.spread import SPREAD_IMAGES, factor_of
from nc_core.inversion.transfer import Draws, Transfer, transferabilities
from nc_core.inversion.trigger import Begun, Inversion, Margins, Perturbation, State, Transferability, Trigger
from nc_core.inversion.universal import Search, Universal, smallest_perturbations
from nc_core.models import Compute, in_precision, scores_of
from nc_core.profiles import PERTURBATION_BATCH, Profile


class Inverter:
    """Reverses triggers of one model on one set of clean data, `slots` labels at a time.

    model: N logits. The compiled program and the images on the device are made once and serve every label.
    compute: of the net within the optimisation; what is measured on held-out images is always measured in float32.
    """

    def __init__(
        self,
        model: keras.Model,
        prepared: Prepared,
        *,
        profile: Profile,
        slots: int,
        compute: Compute = "float32",
    ) -> None:
        self.profile, self.slots = profile, slots
        self._prepared = prepared
        self._predict = Predictor(model)
        scores, _ = scores_of(model)
        answers = (self._predict if scores is model else Predictor(scores))(prepared.fit.x[:SPREAD_IMAGES])
        self._factor = factor_of(answers)
        self._answers, self._labels = answers.argmax(axis=1), prepared.fit.y[:SPREAD_IMAGES]
        net, _ = scores_of(in_precision(model, compute))
        self._heading = Heading(scores, factor=self._factor, rows=min(IMAGES, profile.batch))
        self._rescue = Rescue(scores, prepared, profile=profile, layout=_layout(prepared), factor=self._factor)
        self.transfer = Transfer(scores, prepared, layout=_layout(prepared), factor=self._factor, slots=slots)
        self.universal = Universal(
            scores, prepared.fit, layout=_layout(prepared), factor=self._factor, slots=_of_perturbations(slots, profile)
        )
        self.partials = Partials(scores, prepared, layout=_layout(prepared), factor=self._factor, slots=slots)
        self._margin = Margin(scores, layout=_layout(prepared), factor=self._factor)
        self.any_targets = AnyTargets(scores, prepared, layout=_layout(prepared), factor=self._factor, slots=slots)
        self.loop = SlotLoop(self._program(net, prepared, profile), slots)

    def _program(self, net: keras.Model, prepared: Prepared, profile: Profile) -> SlotProgram:
        return SlotProgram(net, prepared.fit.x, layout=_layout(prepared), profile=profile, factor=self._factor)

    def with_slots(self, slots: int) -> "Inverter":
        """Another one of so many slots, with the same program and the same images on the device."""
        other = copy(self)
        other.slots, other.loop = slots, SlotLoop(self.loop.program, slots)
        other.transfer = self.transfer.with_slots(slots)
        other.partials = self.partials.with_slots(slots)
        other.any_targets = self.any_targets.with_slots(slots)
        other.universal = self.universal.with_slots(_of_perturbations(slots, self.profile))
        return other

    def job(
        self,
        label: int,
        *,
        seed: int,
        start: int = 0,
        begun: Begun | None = None,
        round: int = 0,
        report: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Job:
        """One label's work; where it begins and its images follow from `seed`, the label and what comes next alone.

        start: which of a label's random starts, 0 for the first. begun: where an earlier round left the label; then
        `round`, which goes on with it, sees other images than that one.

        Raises NothingToInvert where every fitting image is of the label's own class.
        """
        pool = np.flatnonzero(self._prepared.fit.y != label)
        if len(pool) == 0:
            raise NothingToInvert(
                f"all {len(self._prepared.fit)} fitting images have label {label} already: a trigger for it needs "
                "clean images of other classes"
            )
        entropy = [seed, label, start] if begun is None else [seed, label, start, round]
        generator = np.random.default_rng(entropy)
        return Job(label=label, pool=pool, generator=generator, begun=begun, report=report, should_stop=should_stop)

    def invert(
        self,
        labels: Sequence[int],
        *,
        seed: int,
        starts: Sequence[int] = (0,),
        begun: Mapping[int, Begun] | None = None,
        round: int = 0,
        progress: Callable[[int, Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        out_of_time: Callable[[], bool] | None = None,
    ) -> dict[int, list[Inversion]]:
        """Reverse the trigger of every label from each of the starts, or from where `begun` has it.

        Raises Cancelled when `should_stop` says so. When `out_of_time` does, the result lacks the labels that have
        not ended.
        """

        def reporter(label: int) -> Callable[[Progress], None] | None:
            return None if progress is None else lambda told: progress(label, told)

        jobs: list[Job] = []
        done: dict[int, list[Inversion]] = {label: [] for label in labels}
        for label in labels:
            try:
                for start in starts:
                    job = self.job(
                        label,
                        seed=seed,
                        start=start,
                        begun=(begun or {}).get(label),
                        round=round,
                        report=reporter(label),
                        should_stop=_either(should_stop, out_of_time),
                    )
                    jobs.append(job)
            except NothingToInvert as error:
                done[label] = [Inversion.without_work(label, state="failed", reason=str(error)) for _ in starts]
        in_time = jobs if out_of_time is None else takewhile(lambda _: not out_of_time(), jobs)
        for outcome in run(self.loop, in_time):
            try:
                done[outcome.job.label].append(self.inversion(outcome))
            except Cancelled:
                if out_of_time is None or not out_of_time():
                    raise
        return {label: ended for label, ended in done.items() if len(ended) == len(starts)}

    def inversion(self, outcome: Outcome) -> Inversion:
        """The outcome, a kept trigger measured on held-out images; raises Cancelled for a cancelled one."""
        label = outcome.job.label
        if outcome.cancelled:
            raise Cancelled(f"label {label} was cancelled after {outcome.updates} updates")
        evidence, began = self._evidence(outcome), time.monotonic()
        trigger, updates, cost = outcome.trigger, outcome.updates, outcome.cost
        if outcome.broken or outcome.trajectory.lost or evidence.misled:
            rescued = self._rescue(outcome, misled=evidence.misled)
            if rescued is None:
                raise Cancelled(f"label {label} was cancelled after {outcome.updates} updates")
            trigger, updates, cost = rescued.trigger, updates + rescued.updates, rescued.cost
            evidence = replace(evidence, tried=rescued.tried)
        state = self._state_of(trigger, broken=outcome.broken)
        kept = trigger if state == "done" else None
        rate = None if kept is None else holdout_rate(self._predict, self._prepared.holdout, label, kept)
        reason = f"the optimisation met a value that is no number after {outcome.updates} updates"
        return Inversion(
            label=label,
            state=state,
            trigger=trigger,
            attack_success_rate=rate,
            updates=updates,
            gradient_images=updates * self.profile.batch,
            seconds=outcome.seconds + time.monotonic() - began,
            cost=cost if state == "screened_out" else None,
            reason=reason if state == "failed" else None,
            evidence=evidence,
        )

    def draws(
        self, inverted: Inversion, *, seed: int, again: bool = False, should_stop: Callable[[], bool] | None = None
    ) -> Draws | None:
        """What it takes to see whether triggers of a few images work on others (`nc_core.inversion.transfer`).

        None where the label's own inversion could not see its way: what hides a gradient from it hides it from these.
        """
        if not inverted.seen:
            return None
        return self.transfer.draws(inverted.label, seed=seed, again=again, should_stop=should_stop)

    def transferability(
        self,
        inverted: Sequence[Inversion],
        *,
        seed: int,
        again: bool = False,
        should_stop: Callable[[], bool] | None = None,
    ) -> dict[int, Transferability | None]:
        """Label -> whether triggers of a few images work on others; None where nothing can be said.

        Raises Cancelled when `should_stop` says so.
        """
        seen = [one.label for one in inverted if one.seen]
        found = transferabilities(self.transfer, seen, seed=seed, again=again, should_stop=should_stop)
        return {one.label: found.get(one.label) for one in inverted}

    def search(
        self, inverted: Inversion, *, seed: int, again: bool = False, should_stop: Callable[[], bool] | None = None
    ) -> Search | None:
        """What it takes to find the label's smallest universal perturbation (`nc_core.inversion.universal`).

        None where the label's own inversion could not see its way, as for `draws`.
        """
        if not inverted.seen:
            return None
        return self.universal.search(inverted.label, seed=seed, again=again, should_stop=should_stop)

    def perturbations(
        self,
        inverted: Sequence[Inversion],
        *,
        seed: int,
        again: bool = False,
        should_stop: Callable[[], bool] | None = None,
    ) -> dict[int, Perturbation | None]:
        """Label -> its smallest universal perturbation; None where nothing can be said.

        Raises Cancelled when `should_stop` says so.
        """
        seen = [one.label for one in inverted if one.seen]
        found = smallest_perturbations(self.universal, seen, seed=seed, again=again, should_stop=should_stop)
        return {one.label: found.get(one.label) for one in inverted}

    def margin(
        self, inverted: Inversion, *, seed: int, should_stop: Callable[[], bool] | None = None
    ) -> Margins | None:
        """How sure the net can be made of the label (`nc_core.inversion.margin`); None where nothing can be said.

        Raises Cancelled when `should_stop` says so.
        """
        return self._margin(inverted.label, seed=seed, should_stop=should_stop) if inverted.seen else None

    def _evidence(self, outcome: Outcome) -> Evidence:
        """What the optimisation's numbers were."""
        trajectory, profile, label = outcome.trajectory, self.profile, outcome.job.label
        others, layout = self._answers[self._labels != label], self.loop.program.layout
        fit, early = self._prepared.fit, trajectory.early
        told = profile.early_mask and outcome.job.begun is None and math.isfinite(early)
        return Evidence(
            attack_rate=trajectory.attack_rate,
            highest_rate=trajectory.highest_rate,
            base_rate=float(np.mean(others == label)) if len(others) else 0.0,
            gate=profile.gate_threshold,
            images=profile.gate_steps * profile.updates_per_step * profile.batch,
            mask_share=trajectory.norm / layout.pixels if math.isfinite(trajectory.norm) else 0.0,
            cost=outcome.cost,
            exhausted=outcome.updates >= profile.max_updates,
            blind=trajectory.blind / trajectory.missed if trajectory.missed > 0 else 0.0,
            broken=trajectory.broken / max(1, trajectory.steps),
            early_norm=early if told else None,
            leads=self._heading.leads(label, fit.x, fit.y, low=layout.low, high=layout.high),
        )

    def _state_of(self, trigger: Trigger | None, *, broken: bool) -> State:
        if trigger is None:
            return "failed" if broken else "not_converged"
        return "screened_out" if self.profile.hands_on else "done"


def invert_labels(
    model: keras.Model,
    prepared: Prepared,
    labels: Sequence[int],
    *,
    profile: Profile,
    seed: int,
    slots: int,
    compute: Compute = "float32",
    progress: Callable[[int, Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> dict[int, Inversion]:
    """Reverse the trigger of every given label, in this process; `compute` as in `Inverter`.

    Raises Cancelled when `should_stop` says so.
    """
    inverter = Inverter(model, prepared, profile=profile, slots=slots, compute=compute)
    found = inverter.invert(labels, seed=seed, progress=progress, should_stop=should_stop)
    return {label: one for label, (one,) in found.items()}


def _layout(prepared: Prepared) -> Layout:
    _, height, width, channels = prepared.fit.x.shape
    domain = prepared.domain
    return Layout(height=height, width=width, channels=channels, low=domain.low, high=domain.high)


def _of_perturbations(slots: int, profile: Profile) -> int:
    """Perturbations in one batch of about as many images as the slots of a profile have."""
    return max(1, slots * profile.batch // PERTURBATION_BATCH)


def _either(one: Callable[[], bool] | None, other: Callable[[], bool] | None) -> Callable[[], bool] | None:
    asked = [each for each in (one, other) if each is not None]
    return (lambda: any(each() for each in asked)) if asked else None
