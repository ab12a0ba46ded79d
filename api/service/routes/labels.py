"""/v1/submissions/{id}/labels: every label, and its trigger as a picture and as floats."""

import io
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Response

from api.service.auditing import given
from api.service.dependencies import AService, AStore, Reader
from api.service.models.label import LabelInfo, LabelList
from api.service.problems import binary, responses
from api.service.reading import label_list, trigger_of
from api.service.routes.submissions import SubmissionId
from nc_core.class_names import MAX_LABELS
from nc_core.results.report.pictures import domain_of, png
from nc_tasks.errors import NotFound
from nc_tasks.files.triggers import TriggerFile

router = APIRouter(
    prefix="/v1/submissions/{id}/labels", tags=["labels"], responses=responses(401, 403, 404, 421, 422, 429, 503)
)

LabelNumber = Annotated[int, Path(ge=0, lt=MAX_LABELS, description="The label's number.")]


@router.get("", response_model_exclude_unset=True)
def every(submission_id: SubmissionId, store: AStore, caller: Reader) -> LabelList:
    """All labels, in order, as they stand now."""
    with store.read() as session:
        return LabelList.model_validate({"items": label_list(session, caller, submission_id)})


@router.get("/{label}", response_model_exclude_unset=True)
def one(submission_id: SubmissionId, label: LabelNumber, store: AStore, caller: Reader) -> LabelInfo:
    """One label as it stands now."""
    with store.read() as session:
        found = label_list(session, caller, submission_id)
    for entry in found:
        if entry["label"] == label:
            return LabelInfo.model_validate(entry)
    raise NotFound(f"submission {submission_id} has no label {label}")


@router.get("/{label}/trigger.png", response_class=Response, responses=binary("image/png"))
def picture(submission_id: SubmissionId, label: LabelNumber, service: AService, caller: Reader) -> Response:
    """The reversed trigger for the eye: mask times pattern in 0..255, each input pixel one sharp square."""
    with service.store.read() as session:
        submission, digest = trigger_of(session, caller, submission_id, label)
    trigger = TriggerFile.read(service.artefacts.path(digest))
    pattern = domain_of(submission.preflight or {}).to_pixels(trigger.pattern)
    answer = Response(png(trigger.mask[..., None] * pattern), media_type="image/png")
    return given(service, caller, submission_id, f"labels/{label}/trigger.png", answer)


@router.get("/{label}/trigger.npz", response_class=Response, responses=binary("application/octet-stream"))
def floats(submission_id: SubmissionId, label: LabelNumber, service: AService, caller: Reader) -> Response:
    """The reversed trigger: mask (H, W) in 0..1 and pattern (H, W, C) in the model's own input range, float32."""
    with service.store.read() as session:
        _, digest = trigger_of(session, caller, submission_id, label)
    trigger = TriggerFile.read(service.artefacts.path(digest))
    stream = io.BytesIO()
    np.savez(stream, mask=trigger.mask, pattern=trigger.pattern)
    answer = Response(stream.getvalue(), media_type="application/octet-stream")
    return given(service, caller, submission_id, f"labels/{label}/trigger.npz", answer)
