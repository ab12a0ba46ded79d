"""What a worker process does when it starts, and when it ends."""

import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.signals import worker_process_init, worker_process_shutdown, worker_ready, worker_shutdown
from celery.utils.dispatch import Signal

from nc_tasks.embedded.processes import wait_until
from nc_tasks.errors import StoreUnusable
from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.rows import workers
from nc_tasks.worker import process


@pytest.fixture(autouse=True)
def not_loaded() -> Iterator[None]:
    """A process that has not loaded what its tasks need."""
    process._load_once.cache_clear()
    yield
    process._load_once.cache_clear()
    gc.unfreeze()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of a worker that is this process, and that has not begun."""
    monkeypatch.setenv("CLEANSE_HOME", str(tmp_path))
    monkeypatch.setattr(process, "OPEN_SECONDS", 0.01)
    monkeypatch.setattr(process, "warm_up", lambda _: None)
    monkeypatch.setattr(process, "_warm_up_once", lambda _: None)
    store = open_store(Settings(home=tmp_path))
    process._open.cache_clear()
    yield store
    process._open.cache_clear()
    store.close()


def known(store: Store) -> list[tuple[str, int]]:
    with store.read() as session:
        return [(row.queue, row.pid) for row in workers.live(session, within_seconds=60)]


@pytest.mark.parametrize(
    ("queue", "begins", "ends"),
    [("labels", worker_ready, worker_shutdown), ("control", worker_process_init, worker_process_shutdown)],
)
def test_a_worker_is_known_before_its_first_task_and_gone_when_it_ends(
    home: Store, monkeypatch: pytest.MonkeyPatch, queue: str, begins: Signal, ends: Signal
) -> None:
    monkeypatch.setenv("CLEANSE_QUEUE", queue)
    # When Celery says that the process takes tasks
    begins.send(sender=None)
    # Then the store knows of it, though nothing was sent to it
    assert wait_until(lambda: known(home) == [(queue, os.getpid())], 30)
    # When it ends, also where Celery says so twice, then the store knows of it no more
    for _ in range(2):
        ends.send(sender=None)
        assert known(home) == []


def test_a_worker_that_ends_while_it_is_being_opened_leaves_no_row_behind(
    home: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker whose first beat has written its row, and that is not open yet
    monkeypatch.setenv("CLEANSE_QUEUE", "labels")
    beaten, limit_of = threading.Event(), process.limit_of

    def held_up(settings: Settings) -> int:
        beaten.wait(60)
        return limit_of(settings)

    monkeypatch.setattr(process, "limit_of", held_up)
    worker_ready.send(sender=None)
    assert wait_until(lambda: bool(known(home)), 30)
    # When it is told to end, and only then is open
    threading.Timer(0.2, beaten.set).start()
    worker_shutdown.send(sender=None)
    # Then the store knows of it no more
    assert known(home) == []


def test_the_process_that_keeps_a_pool_is_no_worker(home: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANSE_QUEUE", "control")
    worker_ready.send(sender=None)
    assert not any(thread.name == "appear" for thread in threading.enumerate())
    worker_shutdown.send(sender=None)
    assert known(home) == []


def test_a_worker_whose_database_is_away_at_its_start_tries_again(
    home: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a database that answers at the third question
    monkeypatch.setenv("CLEANSE_QUEUE", "labels")
    answers = iter([StoreUnusable("the database is away"), OSError("no network"), home])

    def opened(_: Settings) -> Store:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(process, "open_store", opened)
    # When the worker starts, then it is there in the end, and has said why it was not
    worker_ready.send(sender=None)
    assert wait_until(lambda: known(home) == [("labels", os.getpid())], 30)
    assert [record.message for record in caplog.records] == [
        "not ready for tasks, will try again: the database is away",
        "not ready for tasks, will try again: no network",
    ]
    worker_shutdown.send(sender=None)


@pytest.mark.parametrize(
    ("queue", "warm_up", "loaded"),
    [("labels", "true", ["labels"]), ("labels", "false", []), ("control", "true", [])],
)
def test_only_a_label_worker_loads_the_inversion_when_it_starts(
    queue: str, warm_up: str, loaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker of this queue
    monkeypatch.setenv("CLEANSE_QUEUE", queue)
    monkeypatch.setenv("CLEANSE_WARM_UP", warm_up)
    monkeypatch.setattr(process, "_appear", lambda: None)
    asked: list[str] = []
    monkeypatch.setattr(process, "load_inversion", lambda: asked.append(queue))
    # When Celery says that it is ready
    worker_ready.send(sender=None)
    for thread in threading.enumerate():
        if thread.name == "warm-up":
            thread.join()
    # Then it loads what the first label would wait for, or nothing
    assert asked == loaded


def test_a_process_of_a_pool_that_no_task_has_reached_loads_the_inversion_in_its_turn(
    home: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a process of a pool whose turn has come
    loaded = threading.Event()
    monkeypatch.setattr(process, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(process, "_warm_up_once", lambda _: loaded.set())
    monkeypatch.setenv("CLEANSE_QUEUE", "control")
    # When Celery has started it, and gives it no task, then it loads what a submission needs all the same
    worker_process_init.send(sender=None)
    assert loaded.wait(30)
    assert wait_until(lambda: known(home) == [("control", os.getpid())], 30)
    worker_process_shutdown.send(sender=None)


def test_what_was_loaded_is_loaded_once_and_never_searched_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a process whose imports make objects
    made: list[list[object]] = []
    monkeypatch.setattr(process, "load_inversion", lambda: made.append([]))
    # When two tasks load, then they are made once, and no collection looks at them
    process.load()
    process.load()
    assert len(made) == 1
    assert not any(one is made[0] for one in gc.get_objects())


def test_a_task_waits_for_the_warm_up_before_it_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a warm-up in the middle of its imports
    at_it, may_end, done = threading.Event(), threading.Event(), []

    def imported() -> None:
        at_it.set()
        may_end.wait(30)
        done.append("whole")

    monkeypatch.setattr(process, "load_inversion", imported)
    process.warm_up(Settings(home=tmp_path))
    assert at_it.wait(30)
    # When a task is about to import the same, then it goes on only when they are whole
    task = threading.Thread(target=process.load)
    task.start()
    task.join(0.2)
    assert task.is_alive()
    assert done == []
    may_end.set()
    task.join(30)
    assert done == ["whole"]
