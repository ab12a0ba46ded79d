import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis import Redis

from nc_tasks.embedded import client
from nc_tasks.embedded.broker import find_broker
from nc_tasks.embedded.client import attach, down, status
from nc_tasks.embedded.supervisor import LATER_SECONDS
from nc_tasks.errors import StackFailed
from nc_tasks.messages.address import socket_path
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.rows import submissions
from tests.nc_tasks.embedded.conftest import SLEEPERS, Attach, child_of, eventually, runs


@contextmanager
def other_client(settings: Settings, *, workers: int = 1, slots: int = 4) -> Iterator[subprocess.Popen[str]]:
    """A client in another process; its first line of output is the state that it found."""
    command = [sys.executable, str(Path(__file__).with_name("attacher.py")), str(settings.home)]
    root = str(Path(__file__).parents[3])
    with subprocess.Popen(
        [*command, str(workers), str(slots)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **settings.environment(), "PYTHONPATH": root},
    ) as process:
        yield process


def told(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def everything_of(settings: Settings) -> list[int]:
    """All processes of the running stack."""
    state, broker = status(settings), find_broker(settings)
    assert state is not None
    assert broker is not None
    children = [child.pid for child in state.children if child.pid is not None]
    return [state.pid, broker.pid, *children]


def test_given_nothing_when_attached_then_broker_and_workers_run_and_none_listens_on_tcp(
    settings: Settings, attached: Attach
) -> None:
    with attached(workers=2) as stack:
        assert [child.name for child in stack.state().children] == ["control", "labels1", "labels2"]
        pids = everything_of(settings)
        assert all(runs(pid) for pid in pids)
        for pid in pids:
            assert psutil.Process(pid).net_connections("inet") == []
        socket = socket_path(settings)
        assert stack.broker_url == f"redis+socket://{socket}"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert stack.problem() is None


def test_given_a_process_that_nobody_waits_for_then_it_starts_after_the_others(
    settings: Settings, attached: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATER", "labels2")
    with attached(workers=2):
        eventually(lambda: child_of(settings, "labels2"))
        first, second = child_of(settings, "labels1"), child_of(settings, "labels2")
        assert first is not None
        assert second is not None
        assert first.started is not None
        assert second.started is not None
        assert second.started - first.started > LATER_SECONDS / 2


def test_given_a_stack_when_another_client_attaches_then_it_adopts_it(attached: Attach) -> None:
    with attached() as first, attached() as second:
        assert first.state() == second.state()
        assert not second.ensure()


def test_when_two_clients_start_at_the_same_instant_then_there_is_one_supervisor(settings: Settings) -> None:
    with other_client(settings) as one, other_client(settings) as two:
        found = [told(process) for process in (one, two)]
        assert found[0]["pid"] == found[1]["pid"]
        command = str(settings.home)
        supervisors = [
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if "--ready" in (process.info["cmdline"] or []) and command in process.info["cmdline"]
        ]
        assert supervisors == [found[0]["pid"]]


def test_given_clients_that_want_more_then_the_stack_grows_and_forgets_them_when_they_die(
    settings: Settings, attached: Attach
) -> None:
    with attached(workers=1):
        small = child_of(settings, "labels1")
        with other_client(settings, workers=2, slots=6) as greedy:
            eventually(lambda: child_of(settings, "labels2"))
            # More slots need another worker process, which the command line shows.
            eventually(lambda: (child_of(settings, "labels1") or small) != small)
            greedy.kill()
        eventually(lambda: child_of(settings, "labels2") is None)
        assert child_of(settings, "labels1") is not None


def test_given_a_stack_of_another_version_when_attached_then_it_is_replaced(
    settings: Settings, attached: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    with attached():
        old = everything_of(settings)
    monkeypatch.setattr(client, "stack_version", lambda _: "another")
    with attached() as stack:
        assert stack.state().pid != old[0]
        assert not any(runs(pid) for pid in old)


def test_when_a_worker_is_killed_then_it_is_started_again(settings: Settings, attached: Attach) -> None:
    with attached():
        before = child_of(settings, "labels1")
        assert before is not None
        assert before.pid is not None
        os.kill(before.pid, signal.SIGKILL)
        eventually(lambda: (child_of(settings, "labels1") or before).pid != before.pid)
        after = child_of(settings, "labels1")
        assert after is not None
        assert after.deaths == 1


def test_when_the_broker_is_killed_then_another_goes_on_with_what_it_had(settings: Settings, attached: Attach) -> None:
    with attached():
        first = find_broker(settings)
        assert first is not None
        with Redis(unix_socket_path=str(socket_path(settings))) as redis:
            redis.set("message", "kept")
        os.kill(first.pid, signal.SIGKILL)
        eventually(lambda: (find_broker(settings) or first) != first)
        with Redis(unix_socket_path=str(socket_path(settings))) as redis:
            assert redis.get("message") == b"kept"


def test_when_the_supervisor_is_killed_then_its_workers_end_and_the_next_adopts_the_broker(
    settings: Settings, attached: Attach
) -> None:
    with attached() as stack:
        supervisor, broker, *workers = everything_of(settings)
        os.kill(supervisor, signal.SIGKILL)
        eventually(lambda: not any(runs(pid) for pid in workers))
        assert runs(broker)
        assert status(settings) is None
        with pytest.raises(StackFailed, match="do not run any more"):
            stack.state()
        assert stack.ensure()
        after = everything_of(settings)
        assert after[1] == broker
        assert not set(after) & {supervisor, *workers}


def test_when_a_stack_is_taken_down_then_no_process_and_no_socket_is_left(settings: Settings, attached: Attach) -> None:
    with attached(workers=2):
        pids = everything_of(settings)
        assert down(settings)
        assert not any(runs(pid) for pid in pids)
        assert not socket_path(settings).exists()
        assert status(settings) is None
    assert not down(settings)


def test_given_a_killed_supervisor_when_taken_down_then_the_broker_that_it_left_ends_too(
    settings: Settings, attached: Attach
) -> None:
    with attached():
        pids = everything_of(settings)
        os.kill(pids[0], signal.SIGKILL)
    assert down(settings)
    assert not any(runs(pid) for pid in pids)


def test_given_a_worker_that_will_not_end_then_it_is_made_to_with_everything_it_started(
    settings: Settings, attached: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLEEPER", """sh -c 'trap "" TERM; sleep 1000 & wait; sleep 1000'""")
    with attached():
        control = child_of(settings, "control")
        assert control is not None
        assert control.pid is not None
        eventually(lambda: psutil.Process(control.pid).children())
        grandchildren = [process.pid for process in psutil.Process(control.pid).children()]
        assert down(settings)
        assert not any(runs(pid) for pid in (control.pid, *grandchildren))


def test_given_two_clients_when_one_stops_then_the_stack_goes_on_for_the_other(attached: Attach) -> None:
    with attached() as first:
        with attached() as second:
            assert not second.stop_if_last()
            assert first.state().children
        assert first.stop_if_last()
        assert not first.stop_if_last()


def test_given_no_client_and_nothing_to_do_then_the_stack_ends_by_itself(settings: Settings) -> None:
    settings = settings.model_copy(update={"idle_seconds": 0.3})
    with attach(settings, slots=1, supervisor=SLEEPERS) as stack:
        assert stack.state().children
        pids = everything_of(settings)
    eventually(lambda: not any(runs(pid) for pid in pids))
    assert status(settings) is None


def test_given_no_client_but_a_submission_then_the_stack_stays_until_it_has_ended(settings: Settings) -> None:
    settings = settings.model_copy(update={"idle_seconds": 0.3})
    store = open_store(settings)
    with store.write() as session:
        submission = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256="a", name="a"),
                data=StoredFile(sha256="b", name="b"),
                options=ScanOptions(),
            ),
        )
    with attach(settings, slots=1, supervisor=SLEEPERS):
        pass
    with pytest.raises(AssertionError):
        eventually(lambda: status(settings) is None, seconds=2.0)
    with store.write() as session:
        submissions.cancel(session, submission_id=submission.id)
    store.close()
    eventually(lambda: status(settings) is None)


def test_given_a_client_that_wants_the_service_then_it_runs_while_one_wants_it(
    settings: Settings, attached: Attach
) -> None:
    with attached():
        with attached(service=("127.0.0.1", 1)) as first:
            eventually(lambda: child_of(settings, "api"))
            running = child_of(settings, "api")
            with attached(service=("127.0.0.1", 2)):
                assert not first.dismissed
                assert child_of(settings, "api") == running
        eventually(lambda: child_of(settings, "api") is None)
        assert child_of(settings, "control") is not None


def test_when_taken_down_then_who_keeps_the_service_up_is_sent_away_and_who_waits_for_work_is_not(
    settings: Settings, attached: Attach
) -> None:
    with attached() as waits, attached(service=("127.0.0.1", 1)) as keeps:
        assert down(settings)
        assert keeps.dismissed
        assert not waits.dismissed


def test_given_a_worker_that_dies_at_once_then_the_problem_is_told_with_its_last_words(
    attached: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLEEPER", "sh -c 'echo no such library; exit 1'")
    with attached() as stack:
        eventually(stack.problem)
        assert "died 3 times: no such library (log: " in (stack.problem() or "")


@pytest.mark.parametrize(
    ("program", "words"), [("import sys; sys.exit('cannot start')", "cannot start"), ("pass", "no output")]
)
def test_given_a_supervisor_that_cannot_start_then_its_last_words_are_told(
    settings: Settings, program: str, words: str
) -> None:
    with (
        pytest.raises(StackFailed, match=rf"did not start: {words} \(log: "),
        attach(settings, slots=1, supervisor=(sys.executable, "-c", program)),
    ):
        pass
    assert list((settings.home / "clients").iterdir()) == []


def test_given_a_redis_server_of_the_user_s_then_no_broker_is_started(settings: Settings) -> None:
    settings = settings.model_copy(update={"redis_url": "redis://somewhere.invalid"})
    with attach(settings, slots=1, supervisor=SLEEPERS) as stack:
        assert stack.broker_url == "redis://somewhere.invalid"
        assert find_broker(settings) is None
