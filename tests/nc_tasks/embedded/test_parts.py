"""Commands, client files, locks and logs, each by itself."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nc_tasks.capacity import processors
from nc_tasks.embedded import commands, files
from nc_tasks.embedded.child import LONGEST_PAUSE_SECONDS, _pause
from nc_tasks.embedded.clients import Client, Wanted, live_clients
from nc_tasks.embedded.commands import divided, worker_commands
from nc_tasks.embedded.flower import CONFIGURATION, flower_socket
from nc_tasks.embedded.locks import is_locked, locked, read_holder, try_lock, write_holder
from nc_tasks.embedded.processes import before_start, is_process, started_at
from nc_tasks.embedded.state import read_state, stack_version
from nc_tasks.settings import Settings


def test_given_what_is_wanted_then_each_worker_serves_one_queue_with_its_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "processors", lambda: list(range(7)))
    made = {
        command.name: command for command in worker_commands(Settings(control_processes=3), Wanted(workers=2, slots=5))
    }
    assert list(made) == ["control", "labels1", "labels2", "sweeper"]
    served = worker_commands(Settings(), Wanted(workers=1, slots=5, service=("::1", 0)))
    api, flower = served[-2:]
    assert api.arguments[-2:] == ("-m", "api.web")
    assert api.environment == {"CLEANSE_API_HOST": "::1", "CLEANSE_API_PORT": "0"}
    assert flower.arguments[-1] == f"--unix_socket={flower_socket(Settings())}"
    assert CONFIGURATION.is_file()
    assert made["sweeper"].arguments[-2:] == ("-m", "nc_tasks.sweeper")
    assert [name for name, command in made.items() if command.later] == ["sweeper"]
    for name, queue, pool, number in (
        ("control", "control", "prefork", "3"),
        ("labels2", "labels", "threads", "9"),
    ):
        line = made[name].arguments
        for option, value in (("-Q", queue), ("--pool", pool), ("-c", number), ("-n", f"{name}@%h")):
            assert line[line.index(option) + 1] == value
        assert made[name].environment["CLEANSE_QUEUE"] == queue
        # Both may compute on one GPU: neither takes all of its memory.
        assert made[name].environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
        assert made[name].environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert made["labels2"].environment["TF_NUM_INTRAOP_THREADS"] == "3"
    assert made["labels1"].environment["CLEANSE_WORKER_SLOTS"] == "5"


@pytest.mark.parametrize(
    ("processors", "at_once"),
    [(1, ["labels1"]), (2, ["labels1"]), (3, ["labels1", "labels2"]), (9, ["labels1", "labels2", "labels3"])],
)
def test_at_the_start_label_workers_load_beside_the_preparation_where_there_is_a_processor_for_each(
    processors: int, at_once: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "processors", lambda: list(range(processors)))
    _, *label_workers, _ = worker_commands(Settings(), Wanted(workers=3, slots=1))
    assert [command.name for command in label_workers if not command.later] == at_once


def test_given_more_workers_than_processors_then_each_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "processors", lambda: [0])
    _, *label_workers, _ = worker_commands(Settings(), Wanted(workers=3, slots=1))
    for command in label_workers:
        assert command.environment["TF_NUM_INTRAOP_THREADS"] == "1"


def test_given_clients_then_the_live_ones_are_heard_and_files_of_dead_ones_go(tmp_path: Path) -> None:
    one = Client.enter(tmp_path, Wanted(workers=1, slots=4))
    two = Client.enter(tmp_path, Wanted(workers=2, slots=8))
    dead = tmp_path / "1-dead.json"
    dead.write_text('{"workers": 9, "slots": 9}')
    assert sorted(wanted.workers for wanted in live_clients(tmp_path)) == [1, 2]
    assert not dead.exists()
    one.leave()
    one.leave()
    assert live_clients(tmp_path) == [Wanted(workers=2, slots=8)]
    two.leave()
    assert list(tmp_path.iterdir()) == []


def test_given_a_lock_then_it_is_seen_held_and_by_whom(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    lock = try_lock(path)
    assert lock is not None
    write_holder(lock)
    assert is_locked(path)
    assert try_lock(path) is None
    assert read_holder(path) == (os.getpid(), started_at(os.getpid()))
    lock.close()
    assert not is_locked(path)
    path.write_text(f"{os.getpid()} 1.0")  # our number, but another process' start
    assert read_holder(path) is None
    path.write_text("")
    assert read_holder(path) is None
    with locked(path):
        assert is_locked(path)


def test_given_a_pid_then_a_later_process_of_the_same_number_is_another() -> None:
    started = started_at(os.getpid())
    assert started is not None
    assert is_process(os.getpid(), started)
    assert not is_process(os.getpid(), started - 1)


def test_given_deaths_in_a_row_then_the_pauses_grow_up_to_a_limit() -> None:
    assert [_pause(deaths) for deaths in range(4)] == [0.0, 0.5, 1.0, 2.0]
    assert _pause(50) == LONGEST_PAUSE_SECONDS


def test_given_a_log_that_has_grown_large_then_it_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOG_BYTES", 10)
    path = tmp_path / "worker.log"
    for text in (b"short\n", b"and long\n", b"new\n"):
        with files.open_log(path) as log:
            log.write(text)
    assert path.read_bytes() == b"new\n"
    assert (tmp_path / "worker.log.1").read_bytes() == b"short\nand long\n"
    assert files.last_line(path) == "new"
    assert files.last_line(tmp_path / "none.log") == "no output"


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"children": [{"name": "of a newer version"}]}'])
def test_given_a_state_that_this_version_cannot_read_then_there_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stack.json"
    path.write_text(text)
    assert read_state(path) is None


def test_given_another_store_or_broker_then_the_stack_cannot_be_shared(tmp_path: Path) -> None:
    versions = {
        stack_version(Settings(home=tmp_path, redis_url=redis, database_url=database))
        for redis in (None, "redis://x")
        for database in (None, "postgresql://x")
    }
    assert len(versions) == 4


def test_given_another_backend_of_keras_then_the_stack_cannot_be_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = set()
    for backend in ("tensorflow", "jax"):
        monkeypatch.setenv("KERAS_BACKEND", backend)
        versions.add(stack_version(Settings(home=tmp_path)))
    assert len(versions) == 2


@pytest.mark.parametrize(
    ("among", "workers", "shares"),
    [
        ([0, 1], 1, [None]),
        ([0, 1], 2, [{0}, {1}]),
        ([2, 3, 5, 7, 8], 2, [{2, 3}, {5, 7, 8}]),
        ([0, 1], 3, [None, None, None]),
    ],
)
def test_several_label_workers_divide_the_processors(among: list[int], workers: int, shares: list[Any]) -> None:
    assert divided(among, workers) == shares


def test_a_child_may_use_the_processors_that_it_was_given_alone() -> None:
    one = frozenset({processors()[-1]})
    program = [sys.executable, "-c", "import os; print(*os.sched_getaffinity(0))"]
    shown = subprocess.run(program, preexec_fn=before_start(one), capture_output=True, text=True, check=True)
    assert shown.stdout.split() == [str(processors()[-1])]
