"""/v1/submissions: submit models, list them, see where one stands, stop, retry and delete it."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor

from api.service import reading, requests, submitting
from api.service.auditing import note
from api.service.callers import Caller
from api.service.dependencies import AService, AStore, Reader, Submitter
from api.service.models.batch import Batch, SubmittedBatch
from api.service.models.callback import Callback, CallbackList
from api.service.models.listing import ListQuery
from api.service.models.submission import SubmissionInfo, SubmissionPage
from api.service.problems import responses
from api.service.service import Service
from api.service.uploads.forms import submission_form
from api.service.uploads.multipart import Form
from api.service.uploads.receiving import received
from nc_tasks.files import retention
from nc_tasks.store import Store
from nc_tasks.store.queries import listing
from nc_tasks.store.queries.listing import Cursor, Filters
from nc_tasks.store.rows import batches, datasets, deliveries, removal, submissions

router = APIRouter(prefix="/v1/submissions", tags=["submissions"], responses=responses(401, 403, 421, 422, 429, 503))


class Hexadecimal(StringConvertor):
    """Twelve hexadecimal digits in a path: `batch` is no id."""

    regex = "[0-9a-f]{12}"


register_url_convertor("hexadecimal", Hexadecimal())

SubmissionId = Annotated[str, Path(alias="id", description="The submission's id.", pattern="^[0-9a-f]{12}$")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern="^[\\x21-\\x7e]+$",
        description="The same request under the same key is done once.",
    ),
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
    async with received(request, service, caller) as form:
        found = await to_thread.run_sync(_submit, service, caller, form, idempotency_key)
    response.headers["Location"] = f"/v1/submissions/{found.id}"
    return found


def _submit(service: Service, caller: Caller, form: Form, idempotency_key: str | None) -> SubmissionInfo:
    asked = requests.request_of(service, caller, form)
    (submission_id,) = submitting.submit(service, caller, [asked], idempotency_key=idempotency_key)
    return info(service.store, submission_id)


@router.post("/batch", status_code=202, responses=responses(400, 404, 409, 413))
def submit_batch(
    batch: Batch, service: AService, caller: Submitter, idempotency_key: IdempotencyKey = None
) -> SubmittedBatch:
    """Submit many models that were uploaded before against one data set: all of them or, where one is refused, none."""
    asked = requests.requests_of(service, caller, batch)
    ids = submitting.submit(service, caller, asked, idempotency_key=idempotency_key, together=True)
    items = [info(service.store, submission_id) for submission_id in ids]
    return SubmittedBatch(batch=batches.id_of(caller.owner, ids), items=items)


@router.get("", responses=responses(404))
def list_submissions(query: Annotated[ListQuery, Query()], store: AStore, caller: Reader) -> SubmissionPage:
    """Submissions, newest first, a page at a time."""
    after = None if query.cursor is None else Cursor.parse(query.cursor)
    with store.read() as session:
        data = query.dataset and datasets.get(session, dataset_id=query.dataset, owner=caller.sees).sha256
        names = ("state", "verdict", "flagged_label", "model_sha256", "text", "created_after", "created_before")
        filters = Filters(owner=caller.sees, data_sha256=data, **{name: getattr(query, name) for name in names})
        page = listing.page(session, filters=filters, after=after, limit=query.limit)
    return SubmissionPage(
        items=[SubmissionInfo.of(item) for item in page.items],
        next_cursor=None if page.following is None else page.following.text(),
    )


@router.get("/{id:hexadecimal}", responses=responses(404))
def show(submission_id: SubmissionId, store: AStore, caller: Reader) -> SubmissionInfo:
    """Where one submission stands, and what was found."""
    with store.read() as session:
        reading.seen(session, caller, submission_id)
    return info(store, submission_id)


@router.get("/{id}/callbacks", responses=responses(404))
def callbacks(submission_id: SubmissionId, store: AStore, caller: Reader) -> CallbackList:
    """The addresses that are told of its end, and how far that is."""
    with store.read() as session:
        reading.seen(session, caller, submission_id)
        rows = deliveries.of_submission(session, submission_id=submission_id)
    return CallbackList(items=[Callback.model_validate(row) for row in rows])


@router.post("/{id}/cancel", responses=responses(404, 409))
def cancel(submission_id: SubmissionId, service: AService, caller: Submitter) -> SubmissionInfo:
    """Stop all its labels within seconds; what has ended stays, and a retry carries on."""
    submitting.cancel(service, caller, submission_id)
    return info(service.store, submission_id)


@router.post("/{id}/retry", status_code=202, responses=responses(404, 409))
def retry(submission_id: SubmissionId, service: AService, caller: Submitter) -> SubmissionInfo:
    """Try again what failed or was cancelled, and judge it anew; labels with a result keep it."""
    submitting.retry(service, caller, submission_id)
    return info(service.store, submission_id)


@router.delete("/{id:hexadecimal}", status_code=204, responses=responses(404, 409))
def delete(submission_id: SubmissionId, service: AService, caller: Submitter) -> None:
    """Delete a submission that has ended, with the files that nothing else refers to.

    Files younger than 15 minutes are deleted by the sweeper, within two hours.
    """
    with service.store.write() as session:
        reading.seen(session, caller, submission_id)
        note(session, caller, "delete", submission_id)
        named = removal.remove(session, submission_id=submission_id)
    retention.collect(service.store, service.artefacts, service.settings, named)


def info(store: Store, submission_id: str) -> SubmissionInfo:
    """The submission as JSON."""
    with store.read() as session:
        found = listing.one(session, submission_id=submission_id)
        # Raises NoSuchSubmission for one that was deleted since.
        submissions.get(session, submission_id=submission_id)
    assert found is not None
    return SubmissionInfo.of(found)
