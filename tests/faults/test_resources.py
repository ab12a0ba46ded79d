"""Databases that are locked, disks that are full, sweepers that die or are two."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.faults.home import Home, eventually


def test_a_database_that_is_locked_for_longer_than_a_lease(home: Home) -> None:
    home.script.let_each_take(0.1)
    submission = home.submit(24)
    eventually(lambda: home.states(submission).get("not_converged"))
    lock = sqlite3.connect(home.settings.home / "cleanse.sqlite", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    time.sleep(1.5 * home.settings.lease_seconds)
    lock.execute("ROLLBACK")
    lock.close()
    home.ends(submission)


def test_a_disk_that_is_full_for_a_while(home: Home) -> None:
    # Given a label worker that can write no more, as on a full disk, with labels in it and others that wait
    home.script.arrange("hold", 0)
    submission = home.submit()
    eventually(lambda: 0 in home.script.now_running())
    worker = psutil.Process(home.kill("labels1", signal.SIGCONT))
    before = worker.rlimit(psutil.RLIMIT_FSIZE)
    worker.rlimit(psutil.RLIMIT_FSIZE, (0, before[1]))
    home.script.lift("hold", 0)
    time.sleep(1.0)
    # When there is room again
    worker.rlimit(psutil.RLIMIT_FSIZE, before)
    # Then what could not be written is done again
    home.ends(submission)


def test_two_sweepers_and_one_that_is_killed(home: Home) -> None:
    # Given a second sweeper beside the stack's own
    environment = {**os.environ, **home.settings.environment(), "CLEANSE_REDIS_URL": home.stack.broker_url}
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-m", "nc_tasks.sweeper"], env=environment, cwd=root) as second:
        home.script.arrange("hold", 3)
        submission = home.submit()
        eventually(lambda: 3 in home.script.now_running())
        # When a worker is killed, and the stack's sweeper with it
        home.kill("sweeper")
        home.kill("labels1")
        home.script.lift("hold", 3)
        # Then
        home.ends(submission)
        second.terminate()
