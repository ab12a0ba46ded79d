"""Sleep that a signal ends."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nc_tasks.embedded.locks import try_lock, write_holder
from nc_tasks.embedded.wakeups import Wakeups, wake, woken_by_signals

FOR_EVER = 3600.0


@pytest.fixture
def wakeups() -> Iterator[Wakeups]:
    with woken_by_signals() as wakeups:
        yield wakeups


def test_the_end_of_a_child_ends_a_sleep(wakeups: Wakeups) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.close()
        wakeups.sleep(FOR_EVER)


def test_a_signal_that_came_before_the_sleep_is_not_lost_and_counts_once(wakeups: Wakeups, tmp_path: Path) -> None:
    # Given a process that holds the supervisor's lock
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    write_holder(lock)
    # When it is woken twice before it sleeps
    for _ in range(2):
        wake(tmp_path / "lock")
    # Then it does not sleep, and the next time it does
    wakeups.sleep(FOR_EVER)
    later = threading.Timer(0.2, wake, (tmp_path / "lock",))
    later.start()
    wakeups.sleep(FOR_EVER)
    assert later.finished.is_set()
    lock.close()


def test_where_nobody_holds_the_lock_nobody_is_woken(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    wake(tmp_path / "lock")


def test_a_process_that_does_not_listen_is_not_harmed() -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGCHLD)"
    subprocess.run([sys.executable, "-c", program], check=True)
