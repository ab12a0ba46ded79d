"""The command lines of the workers; nothing else knows them."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from nc_tasks.capacity import processors, slots_of
from nc_tasks.embedded.clients import Wanted
from nc_tasks.embedded.flower import flower_arguments
from nc_tasks.settings import Settings

BEYOND_SLOTS = 4
"""Threads of a label worker for labels that have left their slot, or wait for one."""
HEARTBEAT_SECONDS = 30
"""Between two words of a worker to Flower alone, which takes one that is silent for twice as long for gone."""
SHARED_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""TensorFlow and JAX take a GPU's memory as they need it: left to themselves the first process takes nearly all of it,
and of a control worker and a label worker on one GPU the second finds none."""
NAMES = ("labels", "control", "sweeper", "api", "flower")
"""Processes of the service."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One process to be kept running.

    name: of its log and in the stack's state. processors: the only ones that it may use; None: all that we may. later:
    nobody waits for it at the start of a stack.
    """

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    processors: frozenset[int] | None = None
    later: bool = False


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
    among = processors()
    shares = divided(among, wanted.workers)
    of_one = {"TF_NUM_INTRAOP_THREADS": str(max(1, len(among) // wanted.workers))}
    labels = [
        Command(
            name=f"labels{number}",
            arguments=_worker("labels", f"labels{number}", pool="threads", concurrency=wanted.slots + BEYOND_SLOTS),
            environment={**SHARED_GPU, **of_one, "CLEANSE_QUEUE": "labels", "CLEANSE_WORKER_SLOTS": str(wanted.slots)},
            processors=share,
            # Until there are labels one worker is enough. Another loads beside it and what prepares where there is a
            # processor for it, and takes time from them where there is none.
            later=number > max(1, len(among) - 1),
        )
        for number, share in enumerate(shares, start=1)
    ]
    control = Command(
        name="control",
        arguments=_worker("control", "control", pool="prefork", concurrency=settings.control_processes),
        # All processors: it prepares and repairs while no label runs.
        environment={**SHARED_GPU, "CLEANSE_QUEUE": "control", "CLEANSE_LABEL_WORKERS": str(wanted.workers)},
    )
    sweeper = Command(name="sweeper", arguments=(sys.executable, "-P", "-m", "nc_tasks.sweeper"), later=True)
    return [control, *labels, sweeper, *([] if wanted.service is None else _service(settings, *wanted.service))]


def command_of(name: str, settings: Settings) -> Command:
    """The process of this one of `NAMES`, alone: `labels` is one label worker with the machine for itself."""
    wanted = Wanted(
        workers=1,
        slots=slots_of(settings),
        service=(settings.api_host, settings.api_port),
    )
    commands = {command.name.removesuffix("1"): command for command in worker_commands(settings, wanted)}
    return commands[name]


def _service(settings: Settings, host: str, port: int) -> list[Command]:
    address = {"CLEANSE_API_HOST": host, "CLEANSE_API_PORT": str(port)}
    api = Command(name="api", arguments=(sys.executable, "-P", "-m", "api.web"), environment=address)
    return [api, Command(name="flower", arguments=flower_arguments(settings))]


def divided(among: list[int], workers: int) -> list[frozenset[int] | None]:
    """Each worker's own processors, neighbours together; None for all where one worker, or too many, share them."""
    if not 1 < workers <= len(among):
        return [None] * workers
    ends = [len(among) * number // workers for number in range(workers + 1)]
    return [frozenset(among[start:end]) for start, end in pairwise(ends)]


def _worker(queue: str, name: str, *, pool: str, concurrency: int) -> tuple[str, ...]:
    program = (sys.executable, "-P", "-m", "nc_tasks.worker")
    options = {
        "-Q": queue,
        "-n": f"{name}@%h",
        "--pool": pool,
        "-c": str(concurrency),
        "--heartbeat-interval": str(HEARTBEAT_SECONDS),
    }
    return (*program, *(part for option in options.items() for part in option))
