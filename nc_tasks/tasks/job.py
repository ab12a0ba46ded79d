"""Work outside a scan that needs TensorFlow all the same: classify pictures, evaluate a net, plant a backdoor."""

import logging
import traceback
from typing import Any

from sqlalchemy.orm import Session

from nc_core.errors import CleanseError, InputRefused
from nc_tasks import logs
from nc_tasks.errors import ArtefactsUnreachable, one_line
from nc_tasks.messages.app import app
from nc_tasks.store.rows import jobs
from nc_tasks.tasks.classify import classify
from nc_tasks.tasks.evaluate import evaluate
from nc_tasks.tasks.plant import plant
from nc_tasks.worker.process import load, this_worker

log = logging.getLogger(__name__)

KINDS = {"classify": classify, "evaluate": evaluate, "plant": plant}
"""Job kind -> what does it: (worker, arguments, progress) -> result."""


@app.task(name="nc_tasks.run_job")
def run_job(*, job: str) -> None:
    """Do one job; its end stands in its row."""
    worker = this_worker()
    seconds, share = worker.settings.lease_seconds, 0.0
    with worker.store.write() as session:
        attempt = jobs.claim(
            session,
            job_id=job,
            worker_id=worker.id,
            lease_seconds=seconds,
            max_attempts=worker.settings.max_attempts,
        )
    logs.note(attempt=attempt)
    if attempt is None:
        return

    def renew(session: Session) -> bool:
        return jobs.heartbeat(session, job_id=job, attempt=attempt, lease_seconds=seconds, progress=share)

    def progress(done: float) -> None:
        nonlocal share
        share = done

    with worker.store.read() as session:
        row = jobs.get(session, job_id=job)
    ended: dict[str, Any]
    try:
        with worker.heartbeat.hold(renew):
            load()
            ended = {"state": "done", "result": KINDS[row.kind](worker, row.arguments, progress)}
    except ArtefactsUnreachable:
        # Nobody's fault: the lease runs out, and it is tried again.
        raise
    except InputRefused as error:
        ended = {"state": "refused", "reason": one_line(error)}
    except CleanseError as error:
        ended = {"state": "failed", "reason": one_line(error)}
    except Exception as error:
        log.error("job %s: %s", job, traceback.format_exc())
        ended = {"state": "failed", "reason": one_line(f"{type(error).__name__}: {error}")}
    with worker.store.write() as session:
        jobs.finish(session, job_id=job, attempt=attempt, **ended)
