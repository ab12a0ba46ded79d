"""/v1/submissions/{id}/classify and /v1/jobs: what a stored net says to pictures. A worker looks at them."""

import logging
from datetime import datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Request, Response
from kombu.exceptions import OperationalError
from pydantic import BaseModel, Field
from redis.exceptions import RedisError

from api.service.auditing import note
from api.service.callers import Caller
from api.service.dependencies import AService, AStore, Reader, Submitter
from api.service.problems import responses
from api.service.reading import seen
from api.service.routes.results import net_digest
from api.service.routes.submissions import SubmissionId
from api.service.service import Service
from api.service.uploads.forms import IMAGES, NETS, images_form
from api.service.uploads.multipart import Form
from api.service.uploads.receiving import keep, received
from nc_core.errors import OptionRefused
from nc_tasks.store import Job
from nc_tasks.store.rows import jobs
from nc_tasks.store.tables.states import JobKind, JobState

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1", tags=["classify"], responses=responses(401, 403, 404, 421, 422, 429, 503))

JobId = Annotated[str, Path(alias="id", description="The job's id.", pattern="^[0-9a-f]{12}$")]


class JobInfo(BaseModel):
    """A piece of work for a worker, and its result once it is done."""

    id: str = Field(pattern="^[0-9a-f]{12}$")
    kind: JobKind
    state: JobState
    progress: float = Field(ge=0, le=1)
    reason: str | None = Field(description="Why it was refused or has failed; null otherwise.")
    labels: list[int] | None = Field(
        description="One number a picture, in their order; of a guarded net the last class is `backdoored input`."
    )
    created_at: datetime
    finished_at: datetime | None


@router.post(
    "/submissions/{id}/classify", status_code=202, responses=responses(400, 409, 413, 415), openapi_extra=images_form()
)
async def classify(
    submission_id: SubmissionId, request: Request, response: Response, service: AService, caller: Submitter
) -> JobInfo:
    """Classify pictures by the submission's guarded net, GoodNet or model; the answer is a job to be looked at."""
    async with received(request, service, caller) as form:
        found = await to_thread.run_sync(_classify, service, caller, submission_id, form)
    response.headers["Location"] = f"/v1/jobs/{found.id}"
    return found


def _classify(service: Service, caller: Caller, submission_id: str, form: Form) -> JobInfo:
    with service.store.read() as session:
        submission = seen(session, caller, submission_id)
    _check(form)
    net = form.fields.get("net", NETS[0])
    if net == "model":
        model = {"sha256": submission.model_sha256, "name": submission.model_name}
    else:
        model = {"sha256": net_digest(service, caller, submission_id, f"{net}.keras"), "name": f"{net}.keras"}
    arguments: dict[str, Any] = {
        "model": model,
        "images": [keep(service.artefacts, file).model_dump() for file in form.files["images"]],
        "value_range": "auto",
        "resize": form.fields.get("resize"),
    }
    with service.store.write() as session:
        job = jobs.create(session, kind="classify", arguments=arguments, owner=caller.owner)
        note(session, caller, "classify", submission_id, job=job.id)
    _publish(service, job.id)
    return job_info(job)


def _check(form: Form) -> None:
    given = len(form.files.get("images", ()))
    if not 1 <= given <= IMAGES or form.files.keys() - {"images"}:
        raise OptionRefused(f"the form has {given} files in images, 1 to {IMAGES} are needed")
    known: dict[str, tuple[str, ...]] = {"net": NETS, "resize": ("nearest", "bilinear")}
    for name, text in form.fields.items():
        if text not in known.get(name, ()):
            allowed = "; ".join(f"{field} is one of {', '.join(values)}" for field, values in known.items())
            raise OptionRefused(f"the field {name[:80]!r} is {text[:80]!r}: {allowed}")


def _publish(service: Service, job_id: str) -> None:
    from nc_tasks.messages.app import publish_job

    try:
        publish_job(job_id, to=service.celery)
    except (OperationalError, RedisError) as error:
        log.warning("not sent, the sweeper will: %s", " ".join(str(error).split()))


@router.get("/jobs/{id}")
def show(job_id: JobId, store: AStore, caller: Reader) -> JobInfo:
    """How far a job is, or its result."""
    with store.read() as session:
        return job_info(jobs.get(session, job_id=job_id, owner=caller.sees))


def job_info(job: Job) -> JobInfo:
    """The job as JSON."""
    names = ("id", "kind", "state", "progress", "reason", "created_at", "finished_at")
    found = {name: getattr(job, name) for name in names}
    return JobInfo.model_validate({**found, "labels": (job.result or {}).get("labels")})
