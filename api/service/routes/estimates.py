"""/v1/estimate: what a scan will take, before it is submitted."""

import tempfile
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api.service.callers import Caller
from api.service.dependencies import AService, Submitter
from api.service.forms import FILE, SUBMISSION_FIELDS, body
from api.service.multipart import Form
from api.service.problems import responses
from api.service.service import Service
from api.service.submitting import known_file, wishes_of
from api.service.uploads import received
from nc_core.errors import OptionRefused
from nc_tasks.embedded.commands import default_slots, default_workers
from nc_tasks.estimates import USUAL_IMAGES, Estimate, estimate
from nc_tasks.options import ScanOptions

router = APIRouter(prefix="/v1", tags=["submissions"], responses=responses(401, 403, 421, 422, 429, 503))

FIELDS = ("model_sha256", "model_name", "options", "images")
MOST_IMAGES = 10_000_000


class EstimateInfo(BaseModel):
    """What a scan will take, with nothing else at work."""

    model_config = ConfigDict(from_attributes=True)

    labels: int = Field(description="To be looked at.")
    classes: int = Field(description="That the model has.")
    gradient_images: int = Field(description="Pictures that go through the net forward and backward.")
    minutes: float = Field(description="Until the verdict, without a repair.")
    memory_bytes: int = Field(description="Of each label worker.")
    workers: int
    slots: int
    speed: float = Field(description="In processors of the machine that the constants were measured on.")
    scans: int = Field(description="Scans in the store that the speed was measured by; 0: the constants alone speak.")


def form() -> dict[str, Any]:
    """The body of an estimate."""
    properties = {
        "model": {**FILE, "description": "Keras model: .keras or .h5."},
        **{name: SUBMISSION_FIELDS[name] for name in ("model_sha256", "model_name")},
        "options": ScanOptions.model_json_schema(),
        "images": {
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_IMAGES,
            "default": USUAL_IMAGES,
            "description": "Clean pictures there are.",
        },
    }
    either = [{"required": ["model"]}, {"required": ["model_sha256"]}]
    schema = {"type": "object", "additionalProperties": False, "properties": properties, "oneOf": either}
    return body(schema, encoding={"options": {"contentType": "application/json"}})


@router.post("/estimate", responses=responses(400, 404, 413, 415), openapi_extra=form())
async def estimated(request: Request, service: AService, caller: Submitter) -> EstimateInfo:
    """Say how many labels, minutes and how much memory a scan of the model will take; nothing is submitted."""
    async with received(request, service) as given:
        found = await to_thread.run_sync(_estimate, service, caller, given)
    return EstimateInfo.model_validate(found)


def _estimate(service: Service, caller: Caller, given: Form) -> Estimate:
    """Raises OptionRefused, MissingArtefact, ModelRefused."""
    from nc_core.quarantine.admit import admit_model

    files = given.files.get("model", [])
    if given.fields.keys() - set(FIELDS) or given.files.keys() - {"model"} or len(files) > 1:
        raise OptionRefused(f"the form has one file, model, and the fields {', '.join(FIELDS)}: send these alone")
    if bool(files) == ("model_sha256" in given.fields):
        raise OptionRefused("send either model, a file, or model_sha256, the digest of one that was uploaded before")
    options = wishes_of({"options": given.fields.get("options", "")}).options
    path, name = (files[0].path, files[0].name) if files else _known(service, caller, given)
    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        # Readers go by the suffix, which files that are kept do not have.
        suffix = Path(name).suffix.lower()
        link = Path(folder) / f"model{suffix if suffix[1:].isalnum() else ''}"
        link.symlink_to(path)
        model = admit_model(link, architecture=options.architecture)
    return estimate(
        service.store,
        service.artefacts,
        model,
        options,
        workers=default_workers(),
        slots=service.settings.worker_slots or default_slots(),
        images=_images(given.fields.get("images")),
    )


def _known(service: Service, caller: Caller, given: Form) -> tuple[Path, str]:
    digest, name = given.fields["model_sha256"], given.fields.get("model_name")
    with service.store.read() as session:
        found = known_file(session, service.artefacts, caller, digest, name)
    return service.artefacts.path(digest), found["name"]


def _images(text: str | None) -> int:
    if not text:
        return USUAL_IMAGES
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= MOST_IMAGES):
        raise OptionRefused(f"images is {text[:80]!r}: pass a whole number in 1..{MOST_IMAGES}")
    return int(text)
