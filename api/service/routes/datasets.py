"""/v1/datasets: register clean data once, submit many models against it."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Path, Request, Response

from api.service.auditing import note
from api.service.callers import Caller
from api.service.dependencies import AService, AStore, Knower, Reader, Submitter
from api.service.models.dataset import DatasetInfo, DatasetList
from api.service.problems import responses
from api.service.service import Service
from api.service.uploads.forms import dataset_form
from api.service.uploads.multipart import NAME_LIMIT, Form, printable
from api.service.uploads.receiving import keep, received
from nc_core.errors import OptionRefused
from nc_tasks.files import retention
from nc_tasks.store.rows import datasets

router = APIRouter(prefix="/v1/datasets", tags=["datasets"], responses=responses(401, 403, 421, 422, 429, 503))

DatasetId = Annotated[str, Path(alias="id", description="The data set's id.", pattern="^[0-9a-f]{12}$")]


@router.post("", status_code=201, responses=responses(400, 409, 413, 415), openapi_extra=dataset_form())
async def register(request: Request, response: Response, service: AService, caller: Submitter) -> DatasetInfo:
    """Register a file of clean data under a name; the same file under the same name is the one that is there."""
    async with received(request, service, caller) as form:
        found = await to_thread.run_sync(_register, service, caller, form)
    response.headers["Location"] = f"/v1/datasets/{found.id}"
    return found


def _register(service: Service, caller: Caller, form: Form) -> DatasetInfo:
    files = form.files.get("data", [])
    if len(files) != 1 or form.files.keys() - {"data"} or form.fields.keys() - {"name"}:
        raise OptionRefused("the form has one file, data, and its name: send these")
    kept = keep(service.artefacts, files[0])
    name = form.fields.get("name") or kept.name
    if len(name) > NAME_LIMIT:
        raise OptionRefused(f"the name has {len(name)} characters, the limit is {NAME_LIMIT}")
    name = printable(name)
    with service.store.write() as session:
        row = datasets.register(
            session,
            owner=caller.owner,
            name=name,
            file_name=kept.name,
            sha256=kept.sha256,
            size=files[0].size,
        )
        note(session, caller, "register", row.id, sha256=row.sha256)
    return DatasetInfo.model_validate(row)


@router.get("")
def every(store: AStore, caller: Knower) -> DatasetList:
    """All data sets, by name."""
    with store.read() as session:
        rows = datasets.every(session, owner=caller.sees)
    return DatasetList(items=[DatasetInfo.model_validate(row) for row in rows])


@router.get("/{id}", responses=responses(404))
def show(dataset_id: DatasetId, store: AStore, caller: Reader) -> DatasetInfo:
    """One data set."""
    with store.read() as session:
        return DatasetInfo.model_validate(datasets.get(session, dataset_id=dataset_id, owner=caller.sees))


@router.delete("/{id}", status_code=204, responses=responses(404))
def remove(dataset_id: DatasetId, service: AService, caller: Submitter) -> None:
    """Forget a data set; submissions that were made with it keep the file."""
    with service.store.write() as session:
        row = datasets.remove(session, dataset_id=dataset_id, owner=caller.sees)
        note(session, caller, "delete", dataset_id)
    retention.collect(service.store, service.artefacts, service.settings, [row.sha256])
