"""Budgets in SQL: whose is used up, and what ends with it."""

from datetime import timedelta

from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import LabelKey, Store
from nc_tasks.store.rows import budgets, labels, lifecycle, submissions


def begun(store: Store, *, model: str, budget: float | None, minutes_ago: float) -> str:
    """A submission whose preparation began so long ago, with three labels that wait."""
    with store.write() as session:
        row = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256=model * 64, name="m.h5"),
                data=StoredFile(sha256="d" * 64, name="d.npz"),
                options=ScanOptions(budget_minutes=budget),
            ),
        )
        for state in ("preparing", "inverting"):
            assert lifecycle.set_state(session, submission_id=row.id, state=state)
        labels.create(session, submission_id=row.id, labels=range(3), round=0, updates_budget=9)
        session.refresh(row)
        assert row.started_at is not None
        row.started_at -= timedelta(minutes=minutes_ago)
        return row.id


def test_only_submissions_past_their_own_budget_are_found(store: Store) -> None:
    over = begun(store, model="a", budget=0.5, minutes_ago=0.6)
    begun(store, model="b", budget=0.5, minutes_ago=0.3)
    begun(store, model="c", budget=None, minutes_ago=1e5)
    with store.read() as session:
        assert [row.id for row in budgets.spent(session)] == [over]
        assert budgets.is_spent(session, submission_id=over)


def test_only_what_is_open_ends_and_says_why(store: Store) -> None:
    # Given a submission past its budget, of which one label is done, one runs and one waits
    over = begun(store, model="a", budget=90, minutes_ago=91)
    with store.write() as session:
        for label in (0, 1):
            key = LabelKey(submission_id=over, label=label, round=0)
            assert labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3) == 1
        done = LabelKey(submission_id=over, label=0, round=0)
        assert labels.finish(session, key=done, attempt=1, state="done", updates=3, norm=4.0)
    # When the round is ended, twice
    with store.write() as session:
        assert budgets.end_labels(session, submission_id=over, round=0, minutes=90) == 2
        assert budgets.end_labels(session, submission_id=over, round=0, minutes=90) == 0
    # Then the done one is as it was, and nothing of the submission is looked for any more
    with store.read() as session:
        rows = labels.of_round(session, submission_id=over, round=0)
        assert [(row.state, row.norm, row.reason) for row in rows] == [
            ("done", 4.0, None),
            ("cancelled", None, "the budget of 90 minutes was used up"),
            ("cancelled", None, "the budget of 90 minutes was used up"),
        ]
        assert budgets.spent(session) == []
