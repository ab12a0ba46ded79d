"""The loop around the program that optimises triggers: step by step, until a label's schedule says that it is over."""

import math
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nc_core.detection.outcome import BLIND_BOUND, BROKEN_BOUND
from nc_core.inversion.loop import Job, Loop, Progress, within_memory
from nc_core.inversion.program import SlotProgram, StepMetrics
from nc_core.inversion.trigger import Trigger
from nc_core.profiles import SCREENING_STEPS
from nc_core.profiles.schedule import Schedule

STALLED_STEPS = 5
"""Steps in a row without a gradient on any missed image that end an optimisation."""
LOST = 0.999
"""Share of the missed images that must be blind for a step to count as one of them: all, but for rounding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """How a job ended: with a trigger, without one (not converged), cancelled, or on broken numbers. cost: lambda.

    trajectory: what its steps were like. last: mask and pattern as they stood at the end, of one that could not see its
    way.
    """

    job: Job
    trigger: Trigger | None
    updates: int
    seconds: float
    cost: float
    trajectory: "Trajectory"
    cancelled: bool = False
    broken: bool = False
    last: Trigger | None = None


@dataclass(kw_only=True, eq=False)
class Trajectory:
    """Sums over the steps of one job. window: steps of one mean of the gate. norm: of the mask after the last step.
    early: after as many steps as a round of screening has, or the last where there were fewer."""

    window: int
    steps: int = 0
    norm: float = math.nan
    early: float = math.nan
    missed: float = 0.0
    blind: float = 0.0
    broken: float = 0.0
    highest_rate: float = 0.0
    blind_steps: int = 0
    _rates: deque[float] = field(init=False)

    def __post_init__(self) -> None:
        self._rates = deque(maxlen=self.window)

    @property
    def attack_rate(self) -> float:
        """Mean over the last steps that the gate looks at."""
        return sum(self._rates) / max(1, len(self._rates))

    @property
    def lost(self) -> bool:
        """Whether the optimisation could not see its way, whatever it ended with."""
        return self.blind > BLIND_BOUND * self.missed or self.broken > BROKEN_BOUND * self.steps

    @property
    def stalled(self) -> bool:
        """Whether nothing that was missed has shown a way for so long that nothing will."""
        return self.blind_steps >= STALLED_STEPS

    def add(self, *, rate: float, norm: float, blind: float, broken: float) -> None:
        """Take the shares of one more step."""
        self.steps += 1
        self.norm = norm
        self.early = norm if self.steps <= SCREENING_STEPS else self.early
        self.missed += 1.0 - rate
        self.blind += blind
        self.broken += broken
        self._rates.append(rate)
        self.highest_rate = max(self.highest_rate, self.attack_rate)
        self.blind_steps = self.blind_steps + 1 if rate < 1.0 and blind >= LOST * (1.0 - rate) else 0


@dataclass(kw_only=True, eq=False)
class _Running:
    job: Job
    schedule: Schedule
    since: float
    trajectory: Trajectory
    kept: bool = False


class SlotLoop(Loop[_Running, Outcome]):
    """Drives one `SlotProgram` with so many slots."""

    def __init__(self, program: SlotProgram, slots: int) -> None:
        super().__init__(slots)
        self.program = program
        self._state = program.empty(slots)

    def admit(self, job: Job) -> None:
        """Put a label into a free slot, from a fresh start of its own or from where an earlier round left it."""
        slot = self._running.index(None)
        layout, begun = self.program.layout, job.begun
        start = layout.parameters(begun.trigger.mask, begun.trigger.pattern) if begun else layout.start(job.generator)
        self._state = self.program.load(self._state, slot, start)
        profile = self.program.profile
        schedule = profile.control.schedule(profile.max_steps)
        schedule.cost = begun.cost if begun else schedule.cost
        self._running[slot] = _Running(
            job=job, schedule=schedule, since=time.monotonic(), trajectory=Trajectory(window=profile.gate_steps)
        )

    def clear(self) -> None:
        """Empty every slot, for use after a step that raised."""
        self._state = self.program.empty(self.slots)
        self._running = [None] * self.slots

    def step(self) -> list[Outcome]:
        """Advance every occupied slot by one step; the labels that are over leave and are returned.

        Raises OutOfDeviceMemory; the labels are where they were, for `clear`.
        """
        metrics = self._advance()
        outcomes = []
        for slot, running in enumerate(self._running):
            if running is None:
                continue
            rate, norm = float(metrics.attack_rate[slot]), float(metrics.norm[slot])
            finite = math.isfinite(float(metrics.cross_entropy[slot])) and math.isfinite(norm)
            running.kept = math.isfinite(float(metrics.kept_norm[slot]))
            blind, broken = float(metrics.blind[slot]), float(metrics.broken[slot])
            running.trajectory.add(rate=rate, norm=norm, blind=blind, broken=broken)
            over = not finite or running.schedule.observe(rate, norm, float(metrics.kept_norm[slot]))
            over = over or running.trajectory.stalled
            cancelled = not over and running.job.should_stop is not None and running.job.should_stop()
            if over or cancelled:
                outcomes.append(self._leave(slot, running, cancelled=cancelled, broken=not finite))
            elif running.job.report is not None:
                running.job.report(self._progress(running, rate, norm))
        return outcomes

    def _advance(self) -> StepMetrics:
        index, labels, costs = self._inputs()
        with within_memory(self.slots, self.program.profile.batch):
            self._state, metrics = self.program.step(self._state, index=index, labels=labels, costs=costs)
        return metrics

    def _inputs(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        profile, slots = self.program.profile, self.slots
        index = np.zeros((profile.updates_per_step, slots, profile.batch), np.int32)
        labels, costs = np.zeros(slots, np.int32), np.zeros(slots, np.float32)
        for slot, running in enumerate(self._running):
            if running is not None:
                images = running.job.images(profile.updates_per_step * profile.batch)
                index[:, slot] = images.reshape(profile.updates_per_step, profile.batch)
                labels[slot], costs[slot] = running.job.label, running.schedule.cost
        return index, labels, costs

    def _progress(self, running: _Running, rate: float, norm: float) -> Progress:
        profile = self.program.profile
        done = running.schedule.steps * profile.updates_per_step
        return Progress(updates=done, budget=profile.max_updates, attack_rate=rate, norm=norm)

    def _leave(self, slot: int, running: _Running, *, cancelled: bool, broken: bool) -> Outcome:
        self._running[slot] = None
        trigger = last = None
        if running.trajectory.lost and not cancelled:
            mask, pattern = self.program.current(self._state, slot)
            last = Trigger(mask=mask, pattern=pattern)
        hands_on = self.program.profile.hands_on
        if not cancelled and not broken and (running.kept or hands_on):
            take = self.program.current if hands_on else self.program.kept
            mask, pattern = take(self._state, slot)
            trigger = Trigger(mask=mask, pattern=pattern)
        steps = running.schedule.steps + (1 if broken else 0)
        return Outcome(
            job=running.job,
            trigger=trigger,
            updates=steps * self.program.profile.updates_per_step,
            seconds=time.monotonic() - running.since,
            cost=running.schedule.cost,
            trajectory=running.trajectory,
            cancelled=cancelled,
            broken=broken,
            last=last,
        )
