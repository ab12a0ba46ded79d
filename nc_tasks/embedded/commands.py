"""The command lines of the workers; nothing else knows them."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psutil

from nc_core.slots import ON_CPU, ON_GPU
from nc_tasks.embedded.clients import Wanted
from nc_tasks.embedded.flower import flower_arguments
from nc_tasks.settings import Settings

WORKER_MEMORY = 6 * 2**30
"""Bytes of a machine's memory for each label worker that nobody asked for."""
MOST_WORKERS = 8
BEYOND_SLOTS = 4
"""Threads of a label worker for labels that have left their slot, or wait for one."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One process to be kept running.

    name: of its log and in the stack's state. processors: the only ones that it may use; None: all that we may.
    """

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    processors: frozenset[int] | None = None


Commands = Callable[[Settings, Wanted], list[Command]]
"""From what is wanted to the processes that do it."""


def worker_commands(settings: Settings, wanted: Wanted) -> list[Command]:
    """A sweeper, one control worker and `wanted.workers` label workers, each with more threads than slots.

    A label that waits in a thread takes a freed slot at once, while the label that left it is asked for its triggers of
    a few images and written down; with more of them labels would wait here while another worker has slots free.
    Several label workers divide the processors among them: left to themselves, each would compute with as many threads
    as the machine has, and they would wait for one another at the end of every operation.
    The HTTP service and Flower run beside them where a client wants them.
    """
    shares = divided(processors(), wanted.workers)
    of_one = {"TF_NUM_INTRAOP_THREADS": str(max(1, len(processors()) // wanted.workers))}
    labels = [
        Command(
            name=f"labels{number}",
            arguments=_celery("labels", f"labels{number}", pool="threads", concurrency=wanted.slots + BEYOND_SLOTS),
            environment={**of_one, "CLEANSE_QUEUE": "labels", "CLEANSE_WORKER_SLOTS": str(wanted.slots)},
            processors=share,
        )
        for number, share in enumerate(shares, start=1)
    ]
    control = Command(
        name="control",
        arguments=_celery("control", "control", pool="prefork", concurrency=settings.control_processes),
        # All processors: it prepares and repairs while no label runs.
        environment={"CLEANSE_QUEUE": "control", "CLEANSE_LABEL_WORKERS": str(wanted.workers)},
    )
    sweeper = Command(name="sweeper", arguments=(sys.executable, "-P", "-m", "nc_tasks.sweeper"))
    return [control, *labels, sweeper, *([] if wanted.service is None else _service(settings, *wanted.service))]


def _service(settings: Settings, host: str, port: int) -> list[Command]:
    address = {"CLEANSE_API_HOST": host, "CLEANSE_API_PORT": str(port)}
    api = Command(name="api", arguments=(sys.executable, "-P", "-m", "api.service"), environment=address)
    return [api, Command(name="flower", arguments=flower_arguments(settings))]


def default_workers() -> int:
    """Label workers that suit this machine: one a processor while each has memory enough, one alone for a GPU.

    Small operations do not fill two processors: two workers of one thread each did 1.3 to 1.6 times what one of two did
    (twelve labels of a GTSRB net; screening the face net).
    """
    if _has_gpu():
        return 1
    most = psutil.virtual_memory().total // WORKER_MEMORY
    return int(max(1, min(len(processors()), most, MOST_WORKERS)))


def default_slots() -> int:
    """Labels that each worker holds at a time where nobody asked for a number."""
    return ON_GPU if _has_gpu() else ON_CPU


def _has_gpu() -> bool:
    """Whether there is a GPU, as far as can be seen without TensorFlow."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def processors() -> list[int]:
    """Processors that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def divided(among: list[int], workers: int) -> list[frozenset[int] | None]:
    """Each worker's own processors, neighbours together; None for all where one worker, or too many, share them."""
    if not 1 < workers <= len(among):
        return [None] * workers
    ends = [len(among) * number // workers for number in range(workers + 1)]
    return [frozenset(among[start:end]) for start, end in pairwise(ends)]


def _celery(queue: str, name: str, *, pool: str, concurrency: int) -> tuple[str, ...]:
    program = (sys.executable, "-P", "-m", "celery", "-A", "nc_tasks.app", "worker")
    options = {"-Q": queue, "-n": f"{name}@%h", "--pool": pool, "-c": str(concurrency), "--loglevel": "INFO"}
    flags = ("--without-gossip", "--without-mingle")
    return (*program, *(part for option in options.items() for part in option), *flags)
