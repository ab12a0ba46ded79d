"""/v1/submissions: submit a model, see where it stands."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Request, Response

from api.service import submitting
from api.service.callers import Caller
from api.service.dependencies import AService, AStore, Reader, Submitter
from api.service.forms import submission_form
from api.service.models.submission import SubmissionInfo
from api.service.multipart import Form
from api.service.problems import responses
from api.service.service import Service
from api.service.uploads import received
from nc_tasks.store import Store, listing, submissions

router = APIRouter(prefix="/v1/submissions", tags=["submissions"], responses=responses(401, 403, 421, 422, 429, 503))

SubmissionId = Annotated[str, Path(alias="id", description="The submission's id.", max_length=12)]
IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=255, description="The same request under the same key is done once."),
]


@router.post("", status_code=202, responses=responses(400, 404, 409, 413, 415), openapi_extra=submission_form())
async def submit(
    request: Request,
    response: Response,
    service: AService,
    caller: Submitter,
    idempotency_key: IdempotencyKey = None,
) -> SubmissionInfo:
    """Submit one model with its clean data. The same files and options again are the same submission."""
    async with received(request, service) as form:
        found = await to_thread.run_sync(_submit, service, caller, form, idempotency_key)
    response.headers["Location"] = f"/v1/submissions/{found.id}"
    return found


def _submit(service: Service, caller: Caller, form: Form, idempotency_key: str | None) -> SubmissionInfo:
    asked = submitting.request_of(service, caller, form)
    (submission_id,) = submitting.submit(service, caller, [asked], idempotency_key=idempotency_key)
    return info(service.store, caller, submission_id)


@router.get("/{id}", responses=responses(404))
def show(submission_id: SubmissionId, store: AStore, caller: Reader) -> SubmissionInfo:
    """Where one submission stands, and what was found."""
    return info(store, caller, submission_id)


def info(store: Store, caller: Caller, submission_id: str) -> SubmissionInfo:
    """The submission, if the caller may see it; raises NoSuchSubmission."""
    with store.read() as session:
        submissions.get(session, submission_id=submission_id, owner=caller.sees)
        found = listing.one(session, submission_id=submission_id)
    assert found is not None  # both reads are of one state
    return SubmissionInfo.of(found)
