"""The command lines of the workers; nothing else knows them."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from nc_tasks.embedded.clients import Wanted
from nc_tasks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Command:
    """One process to be kept running. name: of its log and in the stack's state."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


Commands = Callable[[Settings, Wanted], list[Command]]
"""From what is wanted to the processes that do it."""


def worker_commands(settings: Settings, wanted: Wanted) -> list[Command]:
    """One control worker and `wanted.workers` label workers, each with a thread per slot."""
    threads = {"TF_NUM_INTRAOP_THREADS": str(max(1, processors() // wanted.workers))}
    labels = [
        Command(
            name=f"labels{number}",
            arguments=_celery("labels", f"labels{number}", pool="threads", concurrency=wanted.slots),
            environment={**threads, "CLEANSE_QUEUE": "labels", "CLEANSE_WORKER_SLOTS": str(wanted.slots)},
        )
        for number in range(1, wanted.workers + 1)
    ]
    control = Command(
        name="control",
        arguments=_celery("control", "control", pool="prefork", concurrency=settings.control_processes),
        environment={**threads, "CLEANSE_QUEUE": "control"},
    )
    return [control, *labels]


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _celery(queue: str, name: str, *, pool: str, concurrency: int) -> tuple[str, ...]:
    program = (sys.executable, "-P", "-m", "celery", "-A", "nc_tasks.app", "worker")
    options = {"-Q": queue, "-n": f"{name}@%h", "--pool": pool, "-c": str(concurrency), "--loglevel": "INFO"}
    flags = ("--without-gossip", "--without-mingle")
    return (*program, *(part for option in options.items() for part in option), *flags)
