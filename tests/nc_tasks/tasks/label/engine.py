"""An engine that does to each label what a test says, and the label task as a worker calls it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from nc_core.detection.class_map import AnyTarget
from nc_core.inversion import Begun, Inversion, Trigger
from nc_core.inversion.trigger import Margins, Partial, Perturbation, Transferability
from nc_tasks.store import Label, Submission
from nc_tasks.store.rows import labels
from nc_tasks.tasks import label as label_task
from nc_tasks.worker.process import WorkerProcess
from tests.evidence import CONVERGED

TRIGGER = Trigger(mask=np.full((2, 2), 0.5, np.float32), pattern=np.zeros((2, 2, 1), np.float32))

DELTA = np.full((2, 2, 1), 0.25, np.float32)
"""The perturbation of any label."""

UNIVERSAL = replace(
    CONVERGED,
    transferability=0.75,
    few_norm=4.0,
    perturbation_norm=2.0,
    perturbation_rate=0.9,
    partial_norm=3.0,
    partial_rate=0.9,
    margin=21.0,
)
"""What the engine says besides of a label that was seen."""


class Engine:
    """Does to each label what the test says, and remembers who asked for what."""

    def __init__(self) -> None:
        self.does: Callable[[int], Inversion] = found
        self.asked: list[tuple[str, int, int]] = []
        self.begun: list[tuple[str, int, Begun | None]] = []
        self.ranges: list[int] = []
        self.of_net: AnyTarget | None = None

    def transferability(self, inverted: Inversion, *, seed: int, again: bool, **_: object) -> Transferability | None:
        assert seed == 5
        if not inverted.seen:
            return None
        rate, norm = (0.25, 16.0) if again else (0.75, 4.0)
        return Transferability(rate=rate, norm=norm, gradient_images=1280, best=TRIGGER)

    def perturbation(self, inverted: Inversion, *, seed: int, again: bool, **_: object) -> Perturbation | None:
        assert seed == 5
        if not inverted.seen:
            return None
        return Perturbation(norm=8.0 if again else 2.0, rate=0.9, gradient_images=192, delta=DELTA)

    def partial(self, _label: int, few: Trigger, *, seed: int, again: bool, **_: object) -> Partial:
        assert (few, seed) == (TRIGGER, 5)
        return Partial(norm=27.0 if again else 3.0, rate=0.9, gradient_images=432)

    def margin(self, inverted: Inversion, *, seed: int, **_: object) -> Margins | None:
        assert seed == 5
        return Margins(margin=21.0, gradient_images=160) if inverted.seen else None

    def any_target(self, *, seed: int, **_: object) -> AnyTarget | None:
        assert seed == 5
        return self.of_net

    def of(self, _: WorkerProcess, submission: Submission, profile: str, _slots: int, range: int) -> Any:
        engine = self
        self.ranges.append(range)

        class Bound:
            transferability = staticmethod(engine.transferability)
            perturbation = staticmethod(engine.perturbation)
            partial = staticmethod(engine.partial)
            margin = staticmethod(engine.margin)
            any_target = staticmethod(engine.any_target)

            def invert(
                self,
                label: int,
                *,
                seed: int,
                starts: tuple[int, ...],
                begun: Begun | None,
                round: int,
                **_: object,
            ) -> list[Inversion]:
                engine.asked.append((submission.id, label, seed))
                engine.begun.append((profile, round, begun))
                return [replace(engine.does(label), updates=40 + start) for start in starts]

        return Bound()


def found(label: int) -> Inversion:
    return Inversion(
        label=label,
        state="done",
        trigger=TRIGGER,
        attack_success_rate=0.99,
        updates=40,
        gradient_images=640,
        seconds=1.5,
    )


def run(submission: str, label: int) -> dict[str, Any]:
    return label_task.invert_label(submission=submission, label=label, round=0)


def row(worker: WorkerProcess, submission: str, label: int) -> Label:
    with worker.store.read() as session:
        return labels.of_round(session, submission_id=submission, round=0)[label]
