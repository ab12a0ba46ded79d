"""The slot engine of a label worker: many label tasks, one batched program on one device."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nc_core.errors import Cancelled
from nc_tasks.store import Submission
from nc_tasks.worker import inputs, kept
from nc_tasks.worker.process import WorkerProcess

if TYPE_CHECKING:
    from nc_core.detection.class_map import AnyTarget
    from nc_core.inversion import Begun, Inversion, Inverter, Progress, Trigger
    from nc_core.inversion.loop import Ended, Job, Loop
    from nc_core.inversion.trigger import Margins, Partial, Perturbation, Transferability
    from nc_core.models import Compute

KEPT = 2
"""Engines that keep their compiled program: the submission at work and its neighbour."""


E = TypeVar("E", bound="Ended")


class _Waiting(Generic[E]):
    """A label task that waits for its job."""

    def __init__(self, job: "Job") -> None:
        self.job = job
        self.over = threading.Event()
        self.outcome: E | None = None
        self.error: BaseException | None = None

    def result(self) -> E:
        """The outcome of a job that is over; raises what broke it."""
        if self.error is not None:
            raise self.error
        assert self.outcome is not None
        return self.outcome


class _Driver(Generic[E]):
    """Lets threads share one loop: each brings its jobs and waits, a thread of its own advances all slots.

    That thread ends when nothing is left to do and is started again by the next job.
    """

    def __init__(self, loop: "Loop[Any, E]") -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._queue: deque[_Waiting[E]] = deque()
        self._seated: dict[Job, _Waiting[E]] = {}
        self._driving = False
        self._stepped = time.monotonic()

    def run(self, jobs: "Iterable[Job]") -> list[E]:
        """Their outcomes, in their order; blocks. Raises whatever broke the batched step."""
        waiting = [_Waiting[E](job) for job in jobs]
        with self._lock:
            self._queue.extend(waiting)
            if waiting and not self._driving:
                self._driving, self._stepped = True, time.monotonic()
                threading.Thread(target=self._drive, name="slot-engine", daemon=True).start()
        for one in waiting:
            one.over.wait()
        return [one.result() for one in waiting]

    @property
    def idle(self) -> bool:
        """True while no job is in it."""
        return not self._driving

    @property
    def silent_seconds(self) -> float:
        """How long the device has been at its present step; 0 while no job is in it."""
        return time.monotonic() - self._stepped if self._driving else 0.0

    def _drive(self) -> None:
        while self._admit():
            try:
                outcomes = self._loop.step()
                self._stepped = time.monotonic()
            except Exception as error:
                # The device, not a label, failed: nobody's numbers are known to be right any more.
                self._fail_all(error)
            else:
                for outcome in outcomes:
                    waiting = self._seated.pop(outcome.job)
                    waiting.outcome = outcome
                    waiting.over.set()

    def _admit(self) -> bool:
        """Seat waiting jobs in free slots; False, and the driver's end, when there is none at all."""
        with self._lock:
            while self._queue and self._loop.free:
                waiting = self._queue.popleft()
                self._loop.admit(waiting.job)
                self._seated[waiting.job] = waiting
            self._driving = bool(self._seated)
            return self._driving

    def _fail_all(self, error: Exception) -> None:
        self._loop.clear()
        for waiting in self._seated.values():
            waiting.error = error
            waiting.over.set()
        self._seated.clear()


class SlotEngine:
    """Lets the label tasks of a worker share one `Inverter`, each in a thread of its own.

    A label whose universality is looked at has left its slot, so the next one has it meanwhile.
    """

    def __init__(self, inverter: "Inverter") -> None:
        self.inverter = inverter
        self._labels, self._draws = _Driver(inverter.loop), _Driver(inverter.transfer.loop)
        self._searches, self._partials = _Driver(inverter.universal.loop), _Driver(inverter.partials.loop)
        self._drivers: tuple[_Driver[Any], ...] = (self._labels, self._draws, self._searches, self._partials)

    def invert(
        self,
        label: int,
        *,
        seed: int,
        starts: Sequence[int] = (0,),
        begun: "Begun | None" = None,
        round: int = 0,
        report: "Callable[[Progress], None]",
        should_stop: Callable[[], bool],
    ) -> "list[Inversion]":
        """Reverse one label's trigger from each of the starts, or from where `begun` has it; blocks.

        Raises Cancelled, or whatever broke the batched step.
        """
        jobs = [
            self.inverter.job(
                label,
                seed=seed,
                start=start,
                begun=begun,
                round=round,
                report=report,
                should_stop=should_stop,
            )
            for start in starts
        ]
        return [self.inverter.inversion(outcome) for outcome in self._labels.run(jobs)]

    def transferability(
        self, inverted: "Inversion", *, seed: int, again: bool, should_stop: Callable[[], bool]
    ) -> "Transferability | None":
        """Whether triggers of a few images work on others, None where nothing can be said; blocks.

        Raises Cancelled, or whatever broke the batched step.
        """
        draws = self.inverter.draws(inverted, seed=seed, again=again, should_stop=should_stop)
        if draws is None:
            return None
        outcomes = self._draws.run(draws.jobs)
        if any(outcome.cancelled for outcome in outcomes):
            raise Cancelled(f"label {inverted.label} was cancelled")
        return self.inverter.transfer.measure(draws, outcomes)

    def perturbation(
        self, inverted: "Inversion", *, seed: int, again: bool, should_stop: Callable[[], bool]
    ) -> "Perturbation | None":
        """The label's smallest universal perturbation, None where nothing can be said; blocks.

        Raises Cancelled, or whatever broke the batched step.
        """
        search = self.inverter.search(inverted, seed=seed, again=again, should_stop=should_stop)
        if search is None:
            return None
        (found,) = self._searches.run([search.job])
        if found.cancelled:
            raise Cancelled(f"label {inverted.label} was cancelled")
        return self.inverter.universal.measure(search, found)

    def partial(
        self, label: int, few: "Trigger", *, seed: int, again: bool, should_stop: Callable[[], bool]
    ) -> "Partial":
        """The label's smallest trigger of most images, from one of few; blocks.

        Raises Cancelled, or whatever broke the batched step.
        """
        job = self.inverter.partials.job(label, few, seed=seed, again=again, should_stop=should_stop)
        (outcome,) = self._partials.run([job])
        if outcome.cancelled:
            raise Cancelled(f"label {label} was cancelled")
        return self.inverter.partials.measure(outcome)

    def margin(self, inverted: "Inversion", *, seed: int, should_stop: Callable[[], bool]) -> "Margins | None":
        """How sure the net can be made of the label, None where nothing can be said; in the caller's own thread.

        Raises Cancelled.
        """
        return self.inverter.margin(inverted, seed=seed, should_stop=should_stop)

    def any_target(self, *, seed: int, should_stop: Callable[[], bool]) -> "AnyTarget | None":
        """Where a trigger without a target sends the net's images, None where nothing can be said; in the caller's own
        thread.

        Raises Cancelled, and OutOfDeviceMemory.
        """
        return self.inverter.any_targets(seed=seed, should_stop=should_stop)

    @property
    def idle(self) -> bool:
        """True while no label is in it."""
        return all(driver.idle for driver in self._drivers)

    @property
    def silent_seconds(self) -> float:
        """How long the device has been at its present step; 0 while no label is in it."""
        return max(driver.silent_seconds for driver in self._drivers)


_engines: OrderedDict[tuple[object, ...], SlotEngine] = OrderedDict()
_lock = threading.Lock()


def engine_for(worker: WorkerProcess, submission: Submission, profile: str, slots: int, range: int = 0) -> SlotEngine:
    """This process' engine for the submission's net and data in a value range, with the settings of a profile and so
    many slots."""
    compute = (submission.preflight or {})["screening_compute"]
    program = (*inputs.key_of(submission, range), compute, submission.options["detector"], profile)
    key = (*program, slots)
    with _lock:
        if key not in _engines:
            known = next((engine for other, engine in _engines.items() if other[:-1] == program), None)
            inverter = (
                known.inverter.with_slots(slots) if known else _inverter(worker, submission, profile, slots, range)
            )
            _engines[key] = SlotEngine(inverter)
        _engines.move_to_end(key)
        for old in [known for known, engine in _engines.items() if engine.idle and known != key][: -KEPT + 1]:
            del _engines[old]
        return _engines[key]


def _inverter(worker: WorkerProcess, submission: Submission, profile: str, slots: int, range: int) -> "Inverter":
    from nc_core.inversion import ALL_PROFILES
    from nc_core.scanning.detectors import DETECTORS

    loaded, settings = inputs.load(worker, submission, range), ALL_PROFILES[profile]
    compute: Compute = (submission.preflight or {})["screening_compute"] if settings.hands_on else "float32"
    detector = DETECTORS[submission.options["detector"]]
    return detector(loaded.logits, loaded.prepared, profile=settings, slots=slots, compute=compute)


@kept.dropping
def drop() -> None:
    """Let go of all engines that no label is in."""
    with _lock:
        for key in [key for key, known in _engines.items() if known.idle]:
            del _engines[key]


def forget(engine: SlotEngine) -> None:
    """Let go of an engine, and of the device's memory that it holds."""
    with _lock:
        for key in [key for key, known in _engines.items() if known is engine]:
            del _engines[key]
