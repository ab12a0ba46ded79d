"""/v1/batches: submissions that are looked at, and stopped, together."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.progress.batches import progress_of
from api.service import reading, submitting
from api.service.auditing import note
from api.service.callers import Caller
from api.service.dependencies import AService, AStore, Reader, Submitter
from api.service.models.batch import BATCH_ID, BatchInfo, BatchMembers
from api.service.models.submission import SubmissionInfo
from api.service.problems import responses
from nc_tasks.store import Store
from nc_tasks.store.queries import listing
from nc_tasks.store.queries.listing import Filters
from nc_tasks.store.rows import batches

router = APIRouter(prefix="/v1/batches", tags=["submissions"], responses=responses(401, 403, 404, 421, 422, 429, 503))

BatchId = Annotated[str, Path(alias="id", description="The batch's id.", pattern=BATCH_ID)]


@router.post("", status_code=201, responses=responses(400, 413))
def make(members: BatchMembers, store: AStore, caller: Submitter) -> BatchInfo:
    """Make submissions a batch; the same ones again are the same batch."""
    with store.write() as session:
        for submission_id in members.submissions:
            reading.seen(session, caller, submission_id)
        batch_id = batches.make(session, owner=caller.owner, submission_ids=members.submissions)
        note(session, caller, "make-batch", batch_id)
    return batch_info(store, caller, batch_id)


@router.get("/{id}")
def show(batch_id: BatchId, store: AStore, caller: Reader) -> BatchInfo:
    """How far a batch is, and what was found."""
    return batch_info(store, caller, batch_id)


@router.post("/{id}/cancel")
def cancel(batch_id: BatchId, service: AService, caller: Submitter) -> BatchInfo:
    """Stop everything of it that has not ended; what has ended stays."""
    submitting.cancel_all(service, caller, batch_id)
    return batch_info(service.store, caller, batch_id)


def batch_info(store: Store, caller: Caller, batch_id: str) -> BatchInfo:
    """The batch as JSON; raises NotFound."""
    with store.read() as session:
        batch = batches.get(session, batch_id=batch_id, owner=caller.sees)
        page = listing.page(session, filters=Filters(batch=batch_id), limit=batches.MOST)
        progress = progress_of(session, page.items, since=batch.created_at)
    return BatchInfo(
        id=batch.id,
        owner=batch.owner,
        created_at=batch.created_at,
        share=progress.share,
        eta_seconds=progress.seconds_left,
        items=[SubmissionInfo.of(one) for one in page.items],
    )
