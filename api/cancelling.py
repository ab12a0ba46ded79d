"""Ends a submission; its workers see it in SQL."""

from contextlib import closing

from api.terminal import err
from nc_tasks.settings import Settings
from nc_tasks.store import open_store, submissions


def cancel_submission(settings: Settings, prefix: str) -> None:
    """Cancel the one submission whose id begins so; raises NotFound, or WrongState where it has ended."""
    with closing(open_store(settings)) as store, store.write() as session:
        submission = submissions.find(session, prefix=prefix)
        stopped = submissions.cancel(session, submission_id=submission.id)
    err.print(f"Submission {submission.id} is cancelled: {stopped} labels stop. `cleanse retry` carries on.")
