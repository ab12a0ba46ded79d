"""The steps of a scan: begin a submission or go on with it, and go on after a round of labels."""

import logging
import traceback
from typing import Any

from sqlalchemy.orm import Session

from nc_core.errors import InputRefused, OutOfBudget
from nc_tasks import logs, workflow
from nc_tasks.errors import ArtefactsUnreachable, one_line
from nc_tasks.messages.app import app, publish_start
from nc_tasks.options import ScanOptions
from nc_tasks.store import Submission
from nc_tasks.store.rows import lifecycle, preparations, submissions
from nc_tasks.tasks import twins
from nc_tasks.tasks.preparation import prepare
from nc_tasks.worker.process import WorkerProcess, load, this_worker

log = logging.getLogger(__name__)


@app.task(name="nc_tasks.start")
def start(*, submission: str) -> None:
    """Prepare the submission and fan out its labels; a prepared one is carried on."""
    worker = this_worker()
    settings = worker.settings
    with worker.store.write() as session:
        attempt = preparations.claim(
            session,
            submission_id=submission,
            worker_id=worker.id,
            lease_seconds=settings.lease_seconds,
            max_attempts=settings.max_attempts,
        )
    logs.note(attempt=attempt)
    if attempt is None:
        workflow.carry_on(worker, submission)
    else:
        _prepare(worker, submission, attempt)


@app.task(name="nc_tasks.gather")
def gather(*, submission: str, round: int) -> None:
    """The callback of a round's labels, once all have returned: read their norms from SQL and take the next step."""
    workflow.advance(this_worker(), submission, round)


def _prepare(worker: WorkerProcess, submission_id: str, attempt: int) -> None:
    def renew(session: Session) -> bool:
        seconds = worker.settings.lease_seconds
        return preparations.renew(session, submission_id=submission_id, attempt=attempt, lease_seconds=seconds)

    with worker.store.read() as session:
        submission = submissions.get(session, submission_id=submission_id)
    try:
        with worker.heartbeat.hold(renew):
            load()
            found = prepare(worker, submission)
            architecture = _architecture(worker, submission, found)
    except ArtefactsUnreachable:
        # Nobody's fault: the lease runs out, and it is tried again.
        raise
    except (InputRefused, OutOfBudget) as error:
        with worker.store.write() as session:
            if preparations.finish(session, submission_id=submission_id, attempt=attempt):
                lifecycle.refuse(session, submission_id=submission_id, reason=one_line(error))
        workflow.release(worker.store, submission_id)
        return
    except Exception as error:
        log.error("submission %s: %s", submission_id, traceback.format_exc())
        reason = one_line(f"preparing failed: {type(error).__name__}: {error}")
        with worker.store.write() as session:
            if preparations.finish(session, submission_id=submission_id, attempt=attempt):
                lifecycle.fail(session, submission_id=submission_id, reason=reason)
        workflow.release(worker.store, submission_id)
        return
    with worker.store.write() as session:
        mine = preparations.finish(session, submission_id=submission_id, attempt=attempt)
        kept = mine and lifecycle.record_prepared(session, submission_id=submission_id, **found)
        ordered = (
            twins.order(session, submission_id=submission_id, architecture_sha256=architecture)
            if kept and architecture is not None
            else []
        )
    if kept:
        workflow.begin_scan(worker, submission_id)
    for position, twin in enumerate(ordered):
        publish_start(twin, behind=position)


def _architecture(worker: WorkerProcess, submission: Submission, found: dict[str, Any]) -> str | None:
    """The file that the submission's twins are made of; None where it asks for none."""
    wanted = ScanOptions(**submission.options).twins
    return twins.architecture_file(worker, found["canonical_sha256"]) if wanted else None
