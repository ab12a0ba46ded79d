"""A second try at labels whose gradient is zero, or no number, by means that lean on it less and less.

Of ordinary nets no label comes here. It costs at most a few times what the label's own optimisation may, and the first
look of the search by patches is made once for all labels. One label at a time, alone in its program: what comes of it
is the same whatever else is going on.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import keras
import numpy as np

from nc_core.datasets.prepared import Prepared
from nc_core.inversion.layout import Layout
from nc_core.inversion.loop import Job
from nc_core.inversion.patches import PatchSearch
from nc_core.inversion.predict import Predictor
from nc_core.inversion.program import SlotProgram
from nc_core.inversion.slots import Outcome, SlotLoop
from nc_core.inversion.straight import StraightNet, straightened
from nc_core.inversion.trigger import Trigger
from nc_core.profiles import Profile

PROBES = 16
"""Images of each kind that the net's layers are looked at with."""
NOISE = 0.1
"""Of the range: standard deviation of the noise that gradients are averaged over."""
LARGER_STEPS = 3.0
"""Times the learning rate, to get off a plateau."""
WAIT_SECONDS = 1.0
"""Between two looks at whether to stop, while another label has its turn."""
PROGRAMS = 4
"""Compiled programs that are kept: labels of one net mostly share theirs."""
STRAIGHT, SMOOTHED, PATCHES = "straight-through gradient", "noise-smoothed gradient from another start", "patch search"


@dataclass(frozen=True, kw_only=True, eq=False)
class Rescued:
    """What came of it. trigger: None where nothing was found. tried: by name, in order. updates: of all of it."""

    trigger: Trigger | None
    cost: float
    tried: tuple[str, ...]
    updates: int


class Rescue:
    """For the labels of one net on one set of clean data.

    scores: N outputs in the order of the net's own. factor: to the usual spread.
    """

    def __init__(
        self, scores: keras.Model, prepared: Prepared, *, profile: Profile, layout: Layout, factor: float
    ) -> None:
        self._scores, self._prepared, self._layout, self._factor = scores, prepared, layout, factor
        self._profile = profile
        self._bold = replace(profile, learning_rate=LARGER_STEPS * profile.learning_rate)
        self._loops: dict[object, tuple[SlotLoop, keras.Model]] = {}
        self._patches: PatchSearch | None = None
        self._turn = threading.Lock()

    def __call__(self, outcome: Outcome, *, misled: bool = False) -> Rescued | None:
        """The best of what was tried; None where it was told to stop. misled: the net's own gradient leads nowhere."""
        stop = outcome.job.should_stop or (lambda: False)
        while not self._turn.acquire(timeout=WAIT_SECONDS):
            if stop():
                return None
        try:
            return self._tried(outcome, stop, misled=misled)
        finally:
            self._turn.release()

    def _tried(self, outcome: Outcome, stop: Callable[[], bool], *, misled: bool) -> Rescued | None:
        found = [outcome.trigger] if outcome.trigger is not None and not self._profile.hands_on else []
        cost, updates, tried = outcome.cost, 0, list[str]()
        seed = int(outcome.job.generator.integers(2**31))
        for name, loop in self._gradients(outcome):
            ended = _run(loop, outcome.job, seed=seed + len(tried))
            tried.append(name)
            updates += ended.updates
            if ended.cancelled:
                return None
            found += [ended.trigger] if ended.trigger is not None else []
            cost = ended.cost
            led = not (ended.trajectory.lost or ended.broken or (misled and name != STRAIGHT))
            if led and ended.trigger is not None:
                return _best(found, cost, tried, updates)
        if not found or self._profile.hands_on:
            trigger, images = self._searched(outcome.job, seed, stop)
            tried.append(PATCHES)
            updates += -(-images // self._profile.batch)
            if stop():
                return None
            # A patch that works is smaller than what the blind left behind.
            found = [trigger] if trigger is not None else found
        return _best(found, cost, tried, updates)

    def _gradients(self, outcome: Outcome) -> Iterator[tuple[str, SlotLoop]]:
        """Programs to try, with their names."""
        straight = straightened(self._scores, self._probes(outcome.last))
        if straight is not None:
            yield STRAIGHT, self._loop(straight, self._profile, noise=0.0)
        yield SMOOTHED, self._loop(straight or self._scores, self._bold, noise=NOISE)

    def _loop(self, net: keras.Model, profile: Profile, *, noise: float) -> SlotLoop:
        key = net.lines if isinstance(net, StraightNet) else None, noise
        if key in self._loops:
            loop, known = self._loops[key]
            if isinstance(known, StraightNet):
                known.follow()
        else:
            x = self._prepared.fit.x
            program = SlotProgram(
                net, x, layout=self._layout, profile=profile, factor=self._factor, even=True, noise=noise
            )
            loop = SlotLoop(program, 1)
            for old in list(self._loops)[: -PROGRAMS + 1]:
                del self._loops[old]
            self._loops[key] = loop, net
        return loop

    def _probes(self, last: Trigger | None) -> np.ndarray:
        """Clean images, the same in noise, noise, and images with the mask as it was when the label was given up."""
        x, generator = self._prepared.fit.x[:PROBES], np.random.default_rng(0)
        low, high = self._layout.low, self._layout.high
        noise = (low + (high - low) * generator.random(x.shape)).astype(np.float32)
        stamped = [last.stamp(x)] if last is not None and np.isfinite(last.norm) else []
        return np.concatenate([x, (x + noise) / 2, noise, *stamped]).astype(np.float32)

    def _searched(self, job: Job, seed: int, stop: Callable[[], bool]) -> tuple[Trigger | None, int]:
        fit, layout = self._prepared.fit, self._layout
        if self._patches is None:
            self._patches = PatchSearch(
                Predictor(self._scores), fit.x, fit.y, low=layout.low, high=layout.high, factor=self._factor
            )
        before = self._patches.images
        found = self._patches.find(job.label, rate=self._profile.gate_threshold, seed=seed, should_stop=stop)
        return found, self._patches.images - before


def _run(loop: SlotLoop, job: Job, *, seed: int) -> Outcome:
    """The whole optimisation of one label in a program of its own, from another start."""
    loop.clear()
    again = Job(
        label=job.label,
        pool=job.pool,
        generator=np.random.default_rng(seed),
        begun=job.begun,
        report=job.report,
        should_stop=job.should_stop,
    )
    loop.admit(again)
    while not (outcomes := loop.step()):
        pass
    return outcomes[0]


def _best(found: list[Trigger], cost: float, tried: list[str], updates: int) -> Rescued:
    trigger = min(found, key=lambda one: one.norm, default=None)
    return Rescued(trigger=trigger, cost=cost, tried=tuple(tried), updates=updates)
