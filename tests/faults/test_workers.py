"""Workers that die, hang on, or come back late."""

import os
import signal

import pytest

from nc_tasks.embedded.processes import wait_until
from tests.faults.home import Home, eventually


def test_workers_are_known_before_their_first_task_and_no_longer_than_they_live(home: Home) -> None:
    # Given a stack to which nothing was ever submitted, then each of its processes that takes tasks is known
    eventually(lambda: home.workers("labels") == {home.pid("labels1")} and len(home.workers("control")) == 1)
    (of_pool,) = home.workers("control")
    assert of_pool != home.pid("control")
    # When a worker is told to end, then it has taken its name away before it is gone, and the next one is known
    ended = home.kill("labels1", signal.SIGTERM)
    eventually(lambda: home.is_gone(ended))
    assert ended not in home.workers("labels")
    eventually(lambda: len(home.workers("labels")) == 1)
    # When another is killed, then it goes by itself, and likewise
    os.kill(of_pool, signal.SIGKILL)
    eventually(lambda: len(home.workers("control")) == 1 and of_pool not in home.workers("control"))


def test_a_worker_killed_with_labels_in_it(home: Home) -> None:
    # Given a worker with four labels in its slots
    home.script.arrange("hold", 3)
    submission = home.submit()
    eventually(lambda: 3 in home.script.now_running())
    # When it is killed
    home.kill("labels1")
    home.script.lift("hold", 3)
    # Then another does what it was at, and what it held was tried alone
    home.ends(submission)
    assert home.rows(submission)[3].alone


def test_a_label_that_always_kills_its_worker(home: Home) -> None:
    # Given a label that kills whatever process it is in
    home.script.arrange("kill always", 5)
    # When its submission goes through
    submission = home.submit()
    # Then it has failed after as many attempts alone as are allowed, with a reason, and its neighbours have not
    home.ends(submission, not_converged=11, failed=1)
    killer = home.rows(submission)[5]
    assert killer.state == "failed"
    assert "given up after 3 attempts (limit 3)" in (killer.reason or "")
    assert home.script.runs(5) == killer.attempt == 4


def test_a_worker_killed_between_a_label_s_row_and_its_return(home: Home) -> None:
    # Given a worker that dies when its last result is stored and the chord has not heard of it
    home.script.arrange("kill after result", 11)
    # Then the sweeper gathers
    home.ends(home.submit())


def test_a_worker_told_to_end_with_labels_in_it(home: Home) -> None:
    # Given labels that run
    for label in range(4):
        home.script.arrange("hold", label)
    submission = home.submit()
    eventually(lambda: home.script.now_running() == {0, 1, 2, 3})
    # When the worker is told to end
    home.kill("labels1", signal.SIGTERM)
    eventually(lambda: not home.script.now_running())
    for label in range(4):
        home.script.lift("hold", label)
    # Then it gave them back, which costs no attempt, and none had to be alone
    home.ends(submission)
    rows = home.rows(submission).values()
    assert all(row.attempt - row.attempt_base == 1 and not row.alone for row in rows)


@pytest.mark.parametrize("moment", ["kill before gather", "kill after gather"])
def test_a_callback_that_is_killed(home: Home, moment: str) -> None:
    home.script.arrange(moment)
    home.ends(home.submit())


def test_an_attempt_that_writes_late(home: Home) -> None:
    # Given a worker that is stopped for longer than its lease, and then goes on
    home.script.arrange("hold", 2)
    submission = home.submit()
    eventually(lambda: 2 in home.script.now_running())
    stopped = home.freeze("labels1")
    first = home.rows(submission)[2].attempt
    eventually(lambda: home.rows(submission)[2].state == "queued")
    home.script.lift("hold", 2)
    home.kill("labels1", signal.SIGCONT)
    # Then its result does not count, and that of the next attempt does
    home.ends(submission)
    assert home.pid("labels1") == stopped
    assert home.rows(submission)[2].attempt == first + 1


def test_a_device_that_does_not_answer(home: Home) -> None:
    # Given a label at which the device hangs, once
    home.script.arrange("hang", 4)
    submission = home.submit()
    # Then its worker ends itself, and another does the label
    home.ends(submission)
    assert home.rows(submission)[4].alone


def test_a_worker_whose_clock_is_set_back(home: Home) -> None:
    # Given a label worker that lives a month ago
    home.script.arrange("clock set back")
    stopped = home.kill("labels1")
    eventually(lambda: home.pid("labels1") not in (None, stopped))
    home.script.arrange("hold", 1)
    submission = home.submit()
    eventually(lambda: 1 in home.script.now_running())
    eventually(lambda: home.states(submission) == {"not_converged": 11, "running": 1})
    # When it holds a label for longer than a lease
    assert not wait_until(lambda: home.rows(submission)[1].state != "running", 1.5 * home.settings.lease_seconds)
    home.script.lift("hold", 1)
    # Then nobody has taken that from it
    home.ends(submission)
    assert home.rows(submission)[1].attempt == 1


def test_the_clock_of_all_set_back(home: Home) -> None:
    # Given a label worker that is dead before it can renew a lease, and a message that was just sent
    home.script.let_each_take(0.2)
    submission = home.submit()
    eventually(lambda: home.states(submission).get("running") and home.states(submission).get("queued"))
    stopped = home.freeze("labels1")
    # When the database's clock is set back by a day
    home.set_clock_back(24 * 3600)
    os.kill(stopped, signal.SIGKILL)
    # Then nobody waits for that day to pass
    home.ends(submission)


def test_an_engine_that_raises(home: Home) -> None:
    home.script.arrange("raise", 7)
    submission = home.submit()
    home.ends(submission, not_converged=11, failed=1)
    assert home.rows(submission)[7].reason == "RuntimeError: the device is lost"
