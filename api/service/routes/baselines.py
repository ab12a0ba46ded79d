"""/v1/baselines: scans of clean models under a name, that other scans are held against."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.service import reading
from api.service.auditing import note
from api.service.callers import Caller
from api.service.dependencies import AStore, Reader, Submitter
from api.service.models.baseline import BaselineInfo, BaselineList, BaselineMembers, BaselineScans
from api.service.models.submission import SubmissionInfo
from api.service.problems import responses
from api.service.routes.submissions import SubmissionId
from nc_tasks.request.choices import BASELINE_NAME
from nc_tasks.store import Store
from nc_tasks.store.queries import listing
from nc_tasks.store.rows import baselines

router = APIRouter(prefix="/v1/baselines", tags=["baselines"], responses=responses(401, 403, 421, 422, 429, 503))

Name = Annotated[str, Path(alias="name", description="What the owner calls it.", pattern=BASELINE_NAME)]


@router.get("")
def every(store: AStore, caller: Reader) -> BaselineList:
    """All baselines, by name."""
    with store.read() as session:
        rows = baselines.every(session, owner=caller.sees)
    return BaselineList(items=[BaselineInfo.model_validate(row) for row in rows])


@router.get("/{name}", responses=responses(404))
def show(name: Name, store: AStore, caller: Reader) -> BaselineScans:
    """One of the caller's own baselines, with its scans."""
    return scans_of(store, caller.owner, name)


@router.post("/{name}", responses=responses(400, 404, 413))
def add(name: Name, members: BaselineMembers, store: AStore, caller: Submitter) -> BaselineScans:
    """Put submissions under the name; those that are there stay. The first ones make the baseline."""
    with store.write() as session:
        for submission_id in members.submissions:
            reading.seen(session, caller, submission_id)
        baselines.add(session, owner=caller.owner, name=name, submission_ids=members.submissions)
        note(session, caller, "add-to-baseline", name, submissions=members.submissions)
    return scans_of(store, caller.owner, name)


@router.delete("/{name}", status_code=204, responses=responses(404))
def remove(name: Name, store: AStore, caller: Submitter) -> None:
    """Forget the name; its scans stay, and so do verdicts that were held against them."""
    _remove(store, caller, name, None)


@router.delete("/{name}/{id}", status_code=204, responses=responses(404))
def remove_one(name: Name, submission_id: SubmissionId, store: AStore, caller: Submitter) -> None:
    """Take one scan from under the name; it stays."""
    _remove(store, caller, name, [submission_id])


def _remove(store: Store, caller: Caller, name: str, ids: list[str] | None) -> None:
    with store.write() as session:
        baselines.remove(session, owner=caller.owner, name=name, submission_ids=ids)
        note(session, caller, "remove-from-baseline", name, submissions=ids)


def scans_of(store: Store, owner: str, name: str) -> BaselineScans:
    """A baseline as JSON; raises NotFound."""
    with store.read() as session:
        found = baselines.get(session, owner=owner, name=name)
        ids = baselines.members(session, owner=owner, name=name)
        listed = [listing.one(session, submission_id=each) for each in ids]
    items = [SubmissionInfo.of(one) for one in listed if one is not None]
    return BaselineScans.model_validate({**BaselineInfo.model_validate(found).model_dump(), "items": items})
