"""What a worker process has: the store, the artefacts, a name, a heartbeat. Made at its first task."""

import logging
import os
import socket
import threading
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module

from celery.signals import celeryd_init, worker_process_init, worker_ready, worker_shutting_down

from nc_tasks.artefacts import ArtefactStore, open_artefacts
from nc_tasks.company import Company
from nc_tasks.embedded.commands import default_slots
from nc_tasks.errors import ExtraMissing
from nc_tasks.heartbeat import Heartbeat
from nc_tasks.settings import Settings, get_settings
from nc_tasks.store import Store, open_store, workers
from nc_tasks.tracing import trace
from nc_tasks.version import build_version

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class WorkerProcess:
    """This process as the store knows it. stopping: set when the worker was told to end. company: labels in it."""

    id: str
    settings: Settings
    store: Store
    artefacts: ArtefactStore
    heartbeat: Heartbeat
    stopping: threading.Event = field(default_factory=threading.Event)
    company: Company = field(default_factory=Company)


@cache
def _open(pid: int) -> WorkerProcess:
    settings = get_settings()
    store = open_store(settings)
    host = socket.gethostname()
    worker_id = f"{host}:{pid}"
    queue = os.environ.get("CLEANSE_QUEUE", "")
    with store.write() as session:
        workers.register(
            session,
            worker_id=worker_id,
            queue=queue,
            pid=pid,
            host=host,
            version=build_version(),
            slots=(settings.worker_slots or default_slots()) if queue == "labels" else 1,
        )
    heartbeat = Heartbeat(store, worker_id=worker_id, seconds=settings.heartbeat_seconds)
    heartbeat.start()
    if queue == "control":
        # Its first task may be one that does without, such as a gather; the next submission must not wait then.
        warm_up(settings)
    return WorkerProcess(
        id=worker_id,
        settings=settings,
        store=store,
        artefacts=open_artefacts(settings),
        heartbeat=heartbeat,
    )


_opening = threading.Lock()


def this_worker() -> WorkerProcess:
    """The current process; opened once, also when several of its threads ask at once."""
    with _opening:
        return _open(os.getpid())


def warm_up(settings: Settings) -> None:
    """Load TensorFlow beside what this process does: seconds that its first label or model would wait for it."""
    if settings.warm_up:
        threading.Thread(target=import_module, args=("nc_core.ready",), name="warm-up", daemon=True).start()


@worker_process_init.connect
@celeryd_init.connect
def _trace(**_: object) -> None:
    """Send this process' traces: of the worker itself, and of each process of its pool."""
    try:
        trace(get_settings(), os.environ.get("CLEANSE_QUEUE") or "worker")
    except ExtraMissing as error:
        log.critical("%s", error)
        raise SystemExit(1) from None


@worker_ready.connect
def _when_ready(**_: object) -> None:
    """Warm up a label worker before its first task: the first submission is being prepared meanwhile."""
    if os.environ.get("CLEANSE_QUEUE") == "labels":
        warm_up(get_settings())


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    """Tell running labels to give their work back: a thread pool cannot be interrupted from outside."""
    if _open.cache_info().currsize:
        this_worker().stopping.set()
