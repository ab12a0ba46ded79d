"""The steps of a scan: begin a submission or go on with it, and go on after a round of labels."""

from collections.abc import Callable
from functools import partial
from typing import Any

from nc_core.errors import InputRefused, OutOfBudget
from nc_tasks import workflow
from nc_tasks.errors import one_line
from nc_tasks.messages.app import app, publish_start
from nc_tasks.request.options import ScanOptions
from nc_tasks.store import Submission
from nc_tasks.store.rows import lifecycle, preparations, submissions
from nc_tasks.tasks import twins
from nc_tasks.tasks.preparation import prepare
from nc_tasks.worker.leased import Work, leased, reason_of
from nc_tasks.worker.process import WorkerProcess, load, this_worker


@app.task(name="nc_tasks.start")
def start(*, submission: str) -> None:
    """Prepare the submission and fan out its labels; a prepared one is carried on."""
    worker = this_worker()
    ended: Callable[[], None] = partial(workflow.carry_on, worker, submission)

    def failed(work: Work, error: Exception) -> None:
        nonlocal ended
        _fail(worker, submission, work.attempt, error)
        ended = partial(workflow.release, worker.store, submission)

    with leased(
        worker,
        claim=partial(preparations.claim, submission_id=submission),
        renew=partial(preparations.renew, submission_id=submission),
        failed=failed,
    ) as work:
        if work is not None:
            ended = _prepare(worker, submission, work)
    ended()


@app.task(name="nc_tasks.gather")
def gather(*, submission: str, round: int) -> None:
    """The callback of a round's labels, once all have returned: read their norms from SQL and take the next step."""
    workflow.advance(this_worker(), submission, round)


def _prepare(worker: WorkerProcess, submission_id: str, work: Work) -> Callable[[], None]:
    """Prepare it, and write what was found; returns what follows."""
    with worker.store.read() as session:
        submission = submissions.get(session, submission_id=submission_id)
    load()
    found = prepare(worker, submission, should_stop=lambda: work.lost)
    architecture = _architecture(worker, submission, found)
    with worker.store.write() as session:
        mine = preparations.finish(session, submission_id=submission_id, attempt=work.attempt)
        kept = mine and lifecycle.record_prepared(session, submission_id=submission_id, **found)
        ordered = (
            twins.order(session, submission_id=submission_id, architecture_sha256=architecture)
            if kept and architecture is not None
            else []
        )

    def begin() -> None:
        if kept:
            workflow.begin_scan(worker, submission_id)
        for position, twin in enumerate(ordered):
            publish_start(twin, behind=position)

    return begin


def _fail(worker: WorkerProcess, submission_id: str, attempt: int, error: Exception) -> None:
    """End the submission: refused where its input is at fault, failed where we are."""
    if isinstance(error, InputRefused | OutOfBudget):
        end = partial(lifecycle.refuse, reason=one_line(error))
    else:
        why = reason_of(error, of=f"submission {submission_id}")
        end = partial(lifecycle.fail, reason=f"preparing failed: {why}")
    with worker.store.write() as session:
        if preparations.finish(session, submission_id=submission_id, attempt=attempt):
            end(session, submission_id=submission_id)


def _architecture(worker: WorkerProcess, submission: Submission, found: dict[str, Any]) -> str | None:
    """The file that the submission's twins are made of; None where it asks for none."""
    wanted = ScanOptions(**submission.options).twins
    return twins.architecture_file(worker, found["canonical_sha256"]) if wanted else None
