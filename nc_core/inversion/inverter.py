"""From labels to inversions: what one scan of one model shares, and the plain loop over its labels."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from copy import copy

import keras
import numpy as np

from nc_core.errors import Cancelled, NothingToInvert
from nc_core.evaluation import attack_success_rate
from nc_core.inversion.layout import Layout
from nc_core.inversion.predict import Predictor
from nc_core.inversion.program import SlotProgram
from nc_core.inversion.slots import Job, Outcome, Progress, SlotLoop
from nc_core.inversion.trigger import Begun, Inversion, State, Trigger
from nc_core.models import Compute, in_precision
from nc_core.prepared import Prepared
from nc_core.profiles import Profile

HOLDOUT_IMAGES = 500
"""Held-out images that a kept trigger is measured on: a standard error of 0.4 points at a rate of 0.99, for 6% of an
inversion's time; 1000 would take twice as much."""
STAMPED_AT_ONCE = 250


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
        net = in_precision(model, compute)
        self.loop = SlotLoop(self._program(net, prepared, profile), slots)

    def _program(self, net: keras.Model, prepared: Prepared, profile: Profile) -> SlotProgram:
        _, height, width, channels = prepared.fit.x.shape
        domain = prepared.domain
        layout = Layout(height=height, width=width, channels=channels, low=domain.low, high=domain.high)
        return SlotProgram(net, prepared.fit.x, layout=layout, profile=profile)

    def with_slots(self, slots: int) -> "Inverter":
        """Another one of so many slots, with the same program and the same images on the device."""
        other = copy(self)
        other.slots, other.loop = slots, SlotLoop(self.loop.program, slots)
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
    ) -> dict[int, list[Inversion]]:
        """Reverse the trigger of every label from each of the starts, or from where `begun` has it.

        Raises Cancelled when `should_stop` says so.
        """

        def reporter(label: int) -> Callable[[Progress], None] | None:
            return None if progress is None else lambda told: progress(label, told)

        waiting: deque[Job] = deque()
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
                        should_stop=should_stop,
                    )
                    waiting.append(job)
            except NothingToInvert as error:
                done[label] = [_failed(label, str(error)) for _ in starts]
        while waiting or self.loop.busy:
            while waiting and self.loop.free:
                self.loop.admit(waiting.popleft())
            for outcome in self.loop.step():
                done[outcome.job.label].append(self.inversion(outcome))
        return done

    def inversion(self, outcome: Outcome) -> Inversion:
        """The outcome, a kept trigger measured on held-out images; raises Cancelled for a cancelled one."""
        label = outcome.job.label
        if outcome.cancelled:
            raise Cancelled(f"label {label} was cancelled after {outcome.updates} updates")
        state = self._state_of(outcome)
        reason = f"the optimisation met a value that is no number after {outcome.updates} updates"
        return Inversion(
            label=label,
            state=state,
            trigger=outcome.trigger,
            attack_success_rate=self._rate(label, outcome.trigger) if state == "done" and outcome.trigger else None,
            updates=outcome.updates,
            gradient_images=outcome.updates * self.profile.batch,
            seconds=outcome.seconds,
            cost=outcome.cost if state == "screened_out" else None,
            reason=reason if outcome.broken else None,
        )

    def _state_of(self, outcome: Outcome) -> State:
        if outcome.broken:
            return "failed"
        if outcome.trigger is None:
            return "not_converged"
        return "screened_out" if self.profile.hands_on else "done"

    def _rate(self, label: int, trigger: Trigger) -> float | None:
        holdout = self._prepared.holdout
        others = np.flatnonzero(holdout.y != label)[:HOLDOUT_IMAGES]
        if len(others) == 0:
            return None
        pieces = (others[start : start + STAMPED_AT_ONCE] for start in range(0, len(others), STAMPED_AT_ONCE))
        predicted = [self._predict(trigger.stamp(holdout.x[piece])).argmax(axis=1) for piece in pieces]
        return attack_success_rate(np.concatenate(predicted), holdout.y[others], label)


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


def _failed(label: int, reason: str) -> Inversion:
    return Inversion(
        label=label,
        state="failed",
        trigger=None,
        attack_success_rate=None,
        updates=0,
        gradient_images=0,
        seconds=0.0,
        reason=reason,
    )
