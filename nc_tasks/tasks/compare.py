"""Holds the repairs of one submission against one another, where there are several."""

import logging
import traceback

from nc_core.errors import CleanseError
from nc_tasks import workflow
from nc_tasks.comparing import compare_repairs
from nc_tasks.errors import ArtefactsUnreachable, one_line
from nc_tasks.messages.app import app
from nc_tasks.store import mitigations
from nc_tasks.worker.process import WorkerProcess, load, this_worker

log = logging.getLogger(__name__)


@app.task(name="nc_tasks.compare")
def compare(*, submission: str) -> None:
    """Write how every repair does against the triggers of all, and end the submission. May come twice: the same
    again. Raises ArtefactsUnreachable, having written nothing: it is to come again."""
    worker = this_worker()
    with worker.store.read() as session:
        waiting = mitigations.to_compare(session, submission_id=submission)
    if waiting:
        _compare(worker, submission)
    workflow.conclude(worker.store, submission, patience_seconds=worker.settings.lease_seconds)


def _compare(worker: WorkerProcess, submission_id: str) -> None:
    most = worker.settings.max_attempts
    with worker.store.write() as session:
        attempt = mitigations.begin_comparison(session, submission_id=submission_id)
    try:
        if attempt > most:
            told = f"given up after {attempt - 1} attempts (limit {most})"
            raise CleanseError(f"{told}: each time its worker fell silent, or could not reach the files")
        load()
        found = compare_repairs(worker, submission_id)
    except ArtefactsUnreachable:
        # Nobody's fault: the submission stands still, and the sweeper asks for it again.
        raise
    except Exception as error:
        # What each repair measured by itself is there: the choice is made on that, and the reason told.
        log.error("submission %s: %s", submission_id, traceback.format_exc())
        reason = one_line(f"not compared: {type(error).__name__}: {error}")
        with worker.store.read() as session:
            waiting = mitigations.to_compare(session, submission_id=submission_id)
        found = {row.method: {"triggers": [], "reason": reason} for row in waiting}
    with worker.store.write() as session:
        mitigations.record_comparison(session, submission_id=submission_id, found=found)
