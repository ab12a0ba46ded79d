"""What a worker process has: the store, the artefacts, a name, a heartbeat. Made as soon as it waits for tasks."""

import gc
import logging
import os
import socket
import threading
import time
from dataclasses import dataclass, field
from functools import cache, partial

from billiard import current_process
from celery.signals import (
    celeryd_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)
from sqlalchemy.exc import SQLAlchemyError

from nc_core.errors import CleanseError
from nc_core.loading import load_inversion
from nc_tasks.capacity import slots_of
from nc_tasks.errors import ExtraMissing
from nc_tasks.files import ArtefactStore, open_artefacts
from nc_tasks.settings import Settings, get_settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.rows import workers
from nc_tasks.tracing import trace
from nc_tasks.version import build_version
from nc_tasks.worker import kept
from nc_tasks.worker.activity import ACTIVITY
from nc_tasks.worker.heartbeat import Heartbeat
from nc_tasks.worker.limits import MemoryWatch, limit_of
from nc_tasks.worker.shared_lock import SharedLock

log = logging.getLogger(__name__)

OPEN_SECONDS = 5.0
"""Pause before store and artefacts that could not be opened are tried again."""
LEAVE_SECONDS = 5.0
"""Patience of a process that ends with its own opening."""
TURN_SECONDS = 30.0
"""From the start of a pool's process, or of the one before it, until it loads TensorFlow though no task has come."""


@dataclass(frozen=True, kw_only=True)
class WorkerProcess:
    """This process as the store knows it. stopping: set when the worker was told to end. label_lock: shared by the
    labels at work. memory: None where nobody looks at it.
    """

    id: str
    settings: Settings
    store: Store
    artefacts: ArtefactStore
    heartbeat: Heartbeat
    memory: MemoryWatch | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    label_lock: SharedLock = field(default_factory=SharedLock)


@cache
def _open(pid: int) -> WorkerProcess:
    settings = get_settings()
    artefacts, store = open_artefacts(settings), open_store(settings)
    # In a container nobody else reaches this folder, so what is left there is an earlier process's.
    artefacts.sweep()
    host = socket.gethostname()
    worker_id = f"{host}:{pid}"
    queue = os.environ.get("CLEANSE_QUEUE", "")
    report = partial(
        workers.report,
        worker_id=worker_id,
        queue=queue,
        pid=pid,
        host=host,
        version=build_version(),
        slots=(slots_of(settings)) if queue == "labels" else 1,
    )
    heartbeat = Heartbeat(
        store, report=report, seconds=settings.heartbeat_seconds, idle_seconds=settings.idle_heartbeat_seconds
    )
    heartbeat.start()
    memory = MemoryWatch(store, worker_id=worker_id, limit=limit_of(settings), activity=ACTIVITY, drop=kept.drop)
    memory.start()
    return WorkerProcess(
        id=worker_id,
        settings=settings,
        store=store,
        artefacts=artefacts,
        heartbeat=heartbeat,
        memory=memory,
    )


_opening = threading.Lock()


def this_worker() -> WorkerProcess:
    """The current process, for a task of it; opened once, also when several of its threads ask at once."""
    worker = _this()
    if os.environ.get("CLEANSE_QUEUE") == "control":
        # Its first task may be one that does without, such as a gather; the next submission must not wait then.
        _warm_up_once(worker.settings)
    return worker


def _this() -> WorkerProcess:
    with _opening:
        return _open(os.getpid())


_loading = threading.Lock()


def load() -> None:
    """Load TensorFlow and what stands on it, or wait until another thread has: before a task imports any of it.

    Of two threads that import from one package at once, Python lets one have a module that is only half made: it
    breaks the deadlock of their two locks that way.
    """
    with _loading:
        _load_once()


@cache
def _load_once() -> None:
    load_inversion()
    # Its modules live as long as this process: nobody needs to look for garbage among their 300,000 objects.
    gc.freeze()


def warm_up(settings: Settings) -> None:
    """Load it beside what this process does: seconds that its first label or model would wait for it."""
    if settings.warm_up:
        threading.Thread(target=load, name="warm-up", daemon=True).start()


_warm_up_once = cache(warm_up)


def _warm_up_in_turn(number: int) -> None:
    """The same for a process of a pool that no task has reached: later, and one after the other.

    Of several processes any may be given the next task. While the first submission is prepared, and its labels are
    loaded for, the processors are theirs.
    """
    timer = threading.Timer(TURN_SECONDS * (number + 1), _warm_up_once, [get_settings()])
    timer.daemon = True
    timer.start()


def _appear() -> None:
    """Open this process until it works: from then on its heartbeat tells that it is there.

    In a thread of its own: a pool whose process is busy for four seconds at its start kills it, and a database may be
    away for longer.
    """
    while True:
        try:
            _this()
            return
        except (SQLAlchemyError, CleanseError, OSError) as error:
            log.warning("not ready for tasks, will try again: %s", " ".join(str(error).split()))
        time.sleep(OPEN_SECONDS)


@worker_process_init.connect
@celeryd_init.connect
def _trace(**_: object) -> None:
    """Send this process' traces: of the worker itself, and of each process of its pool."""
    try:
        trace(get_settings(), os.environ.get("CLEANSE_QUEUE") or "worker")
    except ExtraMissing as error:
        log.critical("%s", error)
        raise SystemExit(1) from None


@worker_process_init.connect
def _when_started(**_: object) -> None:
    """Each process of a pool tells of itself; the one that keeps the pool takes no task."""
    threading.Thread(target=_appear, name="appear", daemon=True).start()
    _warm_up_in_turn(getattr(current_process(), "index", 0))


@worker_ready.connect
def _when_ready(**_: object) -> None:
    """Of a label worker, whose threads are no processes: it loads what its first label needs as well."""
    if os.environ.get("CLEANSE_QUEUE") == "labels":
        threading.Thread(target=_appear, name="appear", daemon=True).start()
        warm_up(get_settings())


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    """Tell running labels to give their work back: a thread pool cannot be interrupted from outside."""
    if _open.cache_info().currsize:
        _this().stopping.set()


@worker_shutdown.connect
@worker_process_shutdown.connect
def _leave(**_: object) -> None:
    """Take this process' row away; one that is killed leaves it behind, and it goes with its lease.

    One that is just being opened may have its row already: it is waited for, but not for a database that is away.
    """
    if _opening.acquire(timeout=LEAVE_SECONDS):
        _opening.release()
    if not _open.cache_info().currsize:
        return
    worker = _this()
    worker.heartbeat.stop()
    if worker.memory is not None:
        worker.memory.stop()
    try:
        with worker.store.write() as session:
            workers.release(session, dead=[worker.id])
    except SQLAlchemyError as error:
        log.warning("left without a word: %s", " ".join(str(error).split()))
