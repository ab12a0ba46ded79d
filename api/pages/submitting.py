"""What a page's buttons do: submit, cancel, retry. Each ends on the page of the submission, or of the batch."""

import json
from collections.abc import Mapping
from typing import get_args

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from api.pages.auth import PageRoute, Submitting, status_of, to
from api.pages.rendering import page
from api.service import requests, submitting
from api.service.callers import Caller
from api.service.dependencies import AService
from api.service.problems import ProblemError
from api.service.service import Service
from api.service.uploads.multipart import Form
from api.service.uploads.receiving import received
from nc_core.errors import CleanseError
from nc_core.results.numbers import byte_size
from nc_tasks.request import choices
from nc_tasks.request.choices import Channels, Profile, Resize, ValueRange
from nc_tasks.store.rows import baselines, batches, datasets

router = APIRouter(route_class=PageRoute, include_in_schema=False)

OPTIONS = (
    *(
        "profile",
        "value_range",
        "architecture",
        "output",
        "input_shape",
        "min_accuracy",
        "resize",
        "channels",
        "class_names",
        "labels",
        "mitigate",
        "unlabelled",
    ),
    *("baseline", "twins"),
)
"""Options of a scan that the form asks for; one left empty stays as it is without the form."""
VALUES = {
    "profile": get_args(Profile),
    "value_range": get_args(ValueRange),
    "resize": get_args(Resize),
    "channels": get_args(Channels),
}
"""What a list of the form offers, by option."""


@router.get("/submit")
def ask(request: Request, service: AService, caller: Submitting) -> Response:
    """The form."""
    return _form(request, service, caller)


@router.post("/submissions")
async def submit(request: Request, service: AService, caller: Submitting) -> Response:
    """Take the files in and submit them; what is wrong with them is told beside the form."""
    try:
        async with received(request, service, caller) as form:
            address = await to_thread.run_sync(_submit, service, caller, form)
    except (ProblemError, CleanseError) as error:
        status, detail = status_of(error)
        return await to_thread.run_sync(lambda: _form(request, service, caller, status=status, error=detail))
    return to(address)


@router.post("/submissions/{submission_id}/cancel")
def cancel(submission_id: str, service: AService, caller: Submitting) -> Response:
    """End the submission."""
    submitting.cancel(service, caller, submission_id)
    return to(f"/submissions/{submission_id}")


@router.post("/submissions/{submission_id}/retry")
def retry(submission_id: str, service: AService, caller: Submitting) -> Response:
    """Try again what failed of it."""
    submitting.retry(service, caller, submission_id)
    return to(f"/submissions/{submission_id}")


@router.post("/batches/{batch_id}/cancel")
def cancel_all(batch_id: str, service: AService, caller: Submitting) -> Response:
    """End all of a batch that have not ended."""
    submitting.cancel_all(service, caller, batch_id)
    return to(f"/batches/{batch_id}")


def _submit(service: Service, caller: Caller, form: Form) -> str:
    """Where to go then: the page of the submission, or that of a batch of several."""
    sent = Form(fields=form_fields(form.fields), files=form.files)
    asked = requests.requests_in(service, caller, sent, models=batches.MOST)
    ids = submitting.submit(service, caller, asked, together=len(asked) > 1)
    return f"/submissions/{ids[0]}" if len(asked) == 1 else f"/batches/{batches.id_of(caller.owner, ids)}"


def form_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """The form's fields as the service takes them: options in one JSON, nothing that was left empty."""
    given = {name: text for name, text in fields.items() if text}
    options = {name: given.pop(name) for name in OPTIONS if name in given}
    return {**given, "options": json.dumps(options)}


def _form(
    request: Request, service: Service, caller: Caller, *, status: int = 200, error: str | None = None
) -> Response:
    with service.store.read() as session:
        known = datasets.every(session, owner=caller.owner)
        named = baselines.every(session, owner=caller.owner)
    shown = {"datasets": known, "baselines": named, "limit": byte_size(service.settings.upload_bytes)}
    shown["most"] = batches.MOST
    return page(request, "submit.html", status=status, error=error, values=VALUES, choices=choices, **shown)
