"""Work outside a scan that needs TensorFlow all the same: classify pictures, evaluate a net, plant a backdoor."""

from functools import partial
from typing import Any

from nc_core.errors import InputRefused
from nc_tasks.messages.app import app
from nc_tasks.store.rows import jobs
from nc_tasks.store.tables.states import JobState
from nc_tasks.tasks.classify import classify
from nc_tasks.tasks.evaluate import evaluate
from nc_tasks.tasks.plant import plant
from nc_tasks.worker.leased import Work, leased, reason_of
from nc_tasks.worker.process import WorkerProcess, load, this_worker

KINDS = {"classify": classify, "evaluate": evaluate, "plant": plant}
"""Job kind -> what does it: (worker, arguments, progress) -> result."""


@app.task(name="nc_tasks.run_job")
def run_job(*, job: str) -> None:
    """Do one job; its end stands in its row."""
    worker = this_worker()

    def failed(work: Work, error: Exception) -> None:
        state: JobState = "refused" if isinstance(error, InputRefused) else "failed"
        end(work, state=state, reason=reason_of(error, of=f"job {job}"))

    def end(work: Work, **values: Any) -> None:
        with worker.store.write() as session:
            jobs.finish(session, job_id=job, attempt=work.attempt, **values)

    with leased(
        worker,
        claim=partial(jobs.claim, job_id=job),
        renew=partial(jobs.heartbeat, job_id=job),
        failed=failed,
        progress={"progress": 0.0},
    ) as work:
        if work is not None:
            end(work, state="done", result=_result(worker, job, work))


def _result(worker: WorkerProcess, job: str, work: Work) -> dict[str, Any]:
    def progress(done: float) -> None:
        work.progress = {"progress": done}

    with worker.store.read() as session:
        row = jobs.get(session, job_id=job)
    load()
    return KINDS[row.kind](worker, row.arguments, progress)
