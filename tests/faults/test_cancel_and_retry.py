"""Submissions that are cancelled and tried again while things run."""

from datetime import timedelta

from nc_tasks.store.rows import detections, submissions
from tests.faults.home import Home, eventually


def test_a_submission_that_is_cancelled_and_tried_again(home: Home) -> None:
    # Given a submission of which some labels have ended, five run and others wait
    for label in range(4, 9):
        home.script.arrange("hold", label)
    submission = home.submit(30)
    eventually(lambda: home.script.now_running() == set(range(4, 9)))
    # When it is cancelled
    with home.store.write() as session:
        submissions.cancel(session, submission_id=submission)
    # Then its slots are free within a few heartbeats, its messages are used up, and its chord is closed
    eventually(lambda: not home.script.now_running(), seconds=10)
    eventually(lambda: home.messages() == 0 and not home.chords())
    assert home.state(submission) == "cancelled"
    kept = {label for label, row in home.rows(submission).items() if row.state == "not_converged"}
    assert kept >= set(range(4))
    assert home.states(submission) == {"not_converged": len(kept), "cancelled": 30 - len(kept)}
    # When it is tried again
    before = {label: row.attempt for label, row in home.rows(submission).items()}
    for label in range(4, 9):
        home.script.lift("hold", label)
    with home.store.write() as session:
        assert submissions.retry(session, submission_id=submission) == 30 - len(kept)
    home.prepare_again(submission)
    # Then it ends as if nothing had been, and what had ended was not done again
    home.ends(submission)
    assert {label for label, row in home.rows(submission).items() if row.attempt == before[label]} == kept


def test_a_failed_label_that_is_tried_again(home: Home) -> None:
    # Given a submission that is done, but for one label
    home.script.arrange("raise", 7)
    submission = home.submit()
    home.ends(submission, not_converged=11, failed=1)
    first = home.detected_at(submission)
    # When it is tried again
    with home.store.write() as session:
        assert submissions.retry(session, submission_id=submission) == 1
    home.prepare_again(submission)
    # Then that label has a result, and the detection is a new one
    home.ends(submission)
    assert home.detected_at(submission) > first


def test_a_budget_that_is_used_up_while_labels_run_and_others_wait(home: Home) -> None:
    # Given a submission with a budget of an hour, of which some labels have ended, some run and others wait
    for label in range(4, 9):
        home.script.arrange("hold", label)
    submission = home.submit(30, budget_minutes=60)
    eventually(lambda: home.script.now_running() == set(range(4, 9)))
    # When the hour is over
    with home.store.write() as session:
        row = submissions.get(session, submission_id=submission)
        assert row.started_at is not None
        row.started_at -= timedelta(minutes=61)
    # Then there is a verdict of what had ended, and nothing runs or waits any more
    eventually(lambda: home.state(submission) == "done")
    eventually(lambda: not home.script.now_running(), seconds=10)
    eventually(lambda: home.messages() == 0)
    states = home.states(submission)
    assert states.keys() == {"not_converged", "cancelled"}
    assert (sum(states.values()), states["cancelled"] >= 5) == (30, True)
    with home.store.read() as session:
        found = detections.get(session, submission_id=submission)
    assert found is not None
    assert found.verdict == "inconclusive"
    assert "The budget of 60 minutes was used up." in found.reason
