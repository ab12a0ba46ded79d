"""The doctor on homes that are well and on homes that are not."""

import json
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from api.cli.doctor import broker, database, machine, workers
from api.cli.doctor.check import Check
from api.cli.doctor.examine import examine
from api.cli.main import run_command
from nc_core.quarantine.answer import Answer
from nc_tasks.embedded.broker import start_broker
from nc_tasks.embedded.files import stack_files
from nc_tasks.messages.address import broker_url
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import Store, Worker, open_store
from nc_tasks.store.rows import submissions
from nc_tasks.store.rows import workers as rows
from nc_tasks.version import build_version


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", redis_url=None, database_url=None)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


def found(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in examine(settings)}


def test_a_home_that_is_not_there_yet_is_well_and_is_not_made(settings: Settings) -> None:
    checks = found(settings)
    assert {check.state for name, check in checks.items() if name not in ("disk", "memory", "device")} == {"ok"}
    assert not settings.home.exists()


def test_what_fails_is_1_in_words_and_as_json(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEANSE_HOME", str(settings.home))
    assert run_command(["doctor", "--json"]) == 0
    assert {entry["state"] for entry in json.loads(capsys.readouterr().out)} <= {"ok", "warn"}
    # Given a broker that does not answer
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert run_command(["doctor", "--json"]) == 1
    told = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert told["broker"]["state"] == "fail"
    assert run_command(["doctor"]) == 1
    assert "set REDIS_URL to one that runs" in capsys.readouterr().out


@pytest.mark.parametrize(("revision", "state"), [(None, "ok"), ("0001", "warn"), ("9999", "fail")])
def test_a_database_of_another_version_is_left_as_it_is(
    settings: Settings, store: Store, revision: str | None, state: str
) -> None:
    if revision is not None:
        with store.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    assert found(settings)["database"].state == state
    if revision is not None:
        with store.read() as session:
            assert session.scalar(text("SELECT version_num FROM alembic_version")) == revision


def test_a_file_that_is_no_database_fails_in_one_line(settings: Settings) -> None:
    settings.home.mkdir()
    (settings.home / "cleanse.sqlite").write_bytes(b"no database" * 1000)
    check = found(settings)["database"]
    assert (check.state, "\n" in check.found) == ("fail", False)


@pytest.mark.parametrize(("ahead", "state"), [(0.0, "ok"), (30.0, "warn"), (-30.0, "warn")])
def test_a_clock_that_is_off_is_named(store: Store, monkeypatch: pytest.MonkeyPatch, ahead: float, state: str) -> None:
    real = time.time
    monkeypatch.setattr(database.time, "time", lambda: real() + ahead)
    check = database.clock(store)
    assert check.state == state
    if ahead:
        assert f"30.0 s {'ahead of' if ahead > 0 else 'behind'}" in check.found


def seen(store: Store, queue: str, *, version: str, seconds_ago: float = 0.0) -> None:
    with store.write() as session:
        rows.register(session, worker_id=f"{queue}:{version}", queue=queue, pid=1, host="h", version=version, slots=4)
        row = session.get_one(Worker, f"{queue}:{version}")
        row.last_seen -= timedelta(seconds=seconds_ago)


def test_workers_are_counted_by_queue_and_another_version_is_named(store: Store, settings: Settings) -> None:
    # Given a sweeper, which serves no queue
    seen(store, "sweeper", version=build_version())
    assert workers.check(store, settings).found == "none at work, and nothing waits (none was ever heard of)"
    # When one queue is served, then the other is missed
    seen(store, "labels", version=build_version())
    check = workers.check(store, settings)
    assert (check.state, check.found) == ("warn", "1 process for labels on 1 host, none for control")
    assert "queue control" in check.advice
    # When both are, then all is well
    seen(store, "control", version=build_version())
    check = workers.check(store, settings)
    assert (check.state, check.found) == ("ok", "1 process for labels on 1 host, 1 process for control on 1 host")
    seen(store, "labels", version="0.0.9+abc")
    check = workers.check(store, settings)
    assert (check.state, "0.0.9+abc" in check.found) == ("warn", True)


def test_work_that_nobody_does_fails(store: Store, settings: Settings) -> None:
    # Given workers that fell silent an hour ago: nothing waits, so nothing is wrong
    seen(store, "labels", version=build_version(), seconds_ago=3600)
    assert workers.check(store, settings).state == "ok"
    # When something waits, then it is
    with store.write() as session:
        submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256="a" * 64, name="m.h5"),
                data=StoredFile(sha256="b" * 64, name="d.npz"),
                options=ScanOptions(),
            ),
        )
    check = workers.check(store, settings)
    assert check.state == "fail"
    assert "1 submission not ended, and no worker at work (last heard of 1 h 0 min ago)" in check.found


def test_a_broker_that_may_forget_messages_is_named(settings: Settings) -> None:
    running = start_broker(settings, stack_files(settings))
    try:
        check = broker.check(settings)
        assert (check.state, check.found.startswith("answers, ")) == ("ok", True)
        with broker._client(settings) as client:
            client.config_set("maxmemory", "100mb")
            client.config_set("maxmemory-policy", "allkeys-lru")
        assert broker.check(settings).state == "warn"
        elsewhere = settings.model_copy(update={"redis_url": broker_url(settings).replace("redis+socket", "unix")})
        assert "allkeys-lru" in broker.check(elsewhere).found
    finally:
        running.stop()


@pytest.mark.parametrize(("free", "state"), [(9 * 2**30, "ok"), (2**30, "warn"), (2**20, "fail")])
def test_disk_and_memory_that_run_short(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(2**40, 2**40 - free, free))
    assert machine.disk(settings).state == state
    assert machine.memory(free + 2**30 if state != "fail" else free).state == state


def test_a_home_that_cannot_be_written_to_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.os, "access", lambda *_: False)
    check = machine.disk(settings)
    assert (check.state, "cannot be written to" in check.found) == ("fail", True)


def test_a_reader_that_cannot_be_confined_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.quarantine().state == "ok"
    real = machine.run

    def run(*how: Any) -> Any:
        ended = real(*how)
        return type(ended)(**{**vars(ended), "answer": Answer("unconfined", "no seccomp")})

    monkeypatch.setattr(machine, "run", run)
    check = machine.quarantine()
    assert (check.state, "no seccomp" in check.found) == ("fail", True)
