"""Jobs that share a batch: labels enter free slots, leave when they are over, and the next one enters at once."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from nc_core.errors import OutOfDeviceMemory
from nc_core.inversion import backend
from nc_core.inversion.trigger import Begun


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far one label is: updates done of at most `budget`, attack rate and norm of its last step."""

    updates: int
    budget: int
    attack_rate: float
    norm: float


@dataclass(kw_only=True, eq=False)
class Job:
    """One label's optimisation. pool: indices of the fitting images that are not of the target class.

    Everything random comes from `generator`, which belongs to this label alone. begun: where an earlier round left it;
    None: a random start.
    """

    label: int
    pool: npt.NDArray[np.int64]
    generator: np.random.Generator
    begun: Begun | None = None
    report: Callable[[Progress], None] | None = None
    should_stop: Callable[[], bool] | None = None
    _order: list[int] = field(default_factory=list, init=False)

    def images(self, count: int) -> npt.NDArray[np.int32]:
        """The next `count` image indices: pass after pass through the pool, each in a fresh order."""
        while len(self._order) < count:
            self._order.extend(self.generator.permutation(self.pool).tolist())
        taken, self._order = self._order[:count], self._order[count:]
        return np.array(taken, np.int32)


class Ended(Protocol):
    """What a loop says of a job that is over."""

    @property
    def job(self) -> Job:
        """The job."""

    @property
    def cancelled(self) -> bool:
        """Whether it was told to stop."""


S = TypeVar("S")
E = TypeVar("E", bound=Ended)


class Loop(ABC, Generic[S, E]):
    """Slots that advance together, each with a job or none; not for several threads at once.

    S: what stands in a slot. E: what is said of a job that is over.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._running: list[S | None] = [None] * slots

    @property
    def free(self) -> int:
        """Slots without a label."""
        return self._running.count(None)

    @property
    def busy(self) -> int:
        """Slots with a label."""
        return len(self._running) - self.free

    @abstractmethod
    def admit(self, job: Job) -> None:
        """Put a label into a free slot."""

    @abstractmethod
    def clear(self) -> None:
        """Empty every slot, for use after a step that raised."""

    @abstractmethod
    def step(self) -> list[E]:
        """Advance every occupied slot; the labels that are over leave and are returned.

        Raises OutOfDeviceMemory; the labels are where they were, for `clear`.
        """


@contextmanager
def within_memory(slots: int, batch: int) -> Iterator[None]:
    """Say in one line that the device has no memory for so many labels with so many images each; OutOfDeviceMemory."""
    try:
        yield
    except Exception as error:
        if not backend.out_of_memory(error):
            raise
        raise OutOfDeviceMemory(
            f"the device has no memory for {slots} labels of {batch} images in one batch: pass fewer --slots"
        ) from error


def run(loop: Loop[Any, E], jobs: Iterable[Job]) -> Iterator[E]:
    """Bring jobs to their ends, in the order in which they end; the next one is asked for as soon as there is room."""
    waiting = iter(jobs)
    following = next(waiting, None)
    while following is not None or loop.busy:
        while following is not None and loop.free:
            loop.admit(following)
            following = next(waiting, None)
        yield from loop.step()
