"""The repairs of a submission side by side, as in the report; the browser asks for the pictures one by one."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy.orm import Session

from api.results.triggers import read_fresh
from nc_core.datasets import CleanData
from nc_core.results.report.methods import Pictures
from nc_core.results.report.pictures import TriggerPictures, domain_of, example_outside, png, stamped
from nc_core.results.report.render import repairs
from nc_tasks.errors import NotFound
from nc_tasks.files import ArtefactStore
from nc_tasks.store import Mitigation, Submission
from nc_tasks.store.rows import mitigations

PictureName = Literal["mask", "pattern", "stamped"]


def shown(submission: Submission, result: Mapping[str, Any] | None, rows: Sequence[Mitigation]) -> dict[str, Any]:
    """What `repairs.html` wants. result: None while the repairs are not over."""
    return repairs(result, {row.method: _addresses(submission, row) for row in rows})


def picture(
    session: Session, artefacts: ArtefactStore, submission: Submission, method: str, label: int, name: PictureName
) -> bytes:
    """A PNG of the smallest trigger that was reversed for the label on the net of this repair; raises NotFound."""
    rows = mitigations.of_submission(session, submission_id=submission.id)
    digest = next((row.triggers_sha256 for row in rows if row.method == method), None)
    found = None if digest is None else read_fresh(artefacts, digest).of(label)
    if found is None or submission.preflight is None:
        raise NotFound(f"no trigger was reversed for label {label} on a net of {method} of submission {submission.id}")
    mask, pattern = found[0][..., None], domain_of(submission.preflight).to_pixels(found[1])
    if name == "mask":
        return png(255 * mask)
    if name == "pattern":
        return png(mask * pattern)
    clean = submission.clean_data_sha256
    example = None if clean is None else example_outside(label, CleanData.load(artefacts.path(clean)).images)
    if example is None:
        raise NotFound(f"submission {submission.id} has no clean picture to stamp the trigger of label {label} on")
    return png(stamped(example, mask, pattern))


def _addresses(submission: Submission, row: Mitigation) -> Pictures:
    if row.triggers_sha256 is None:
        return {}
    again = (row.body or {}).get("rescan", {})
    found = (label for label, scan in again.items() if any(norm is not None for norm in scan.get("norms", ())))
    return {label: _of_label(submission, row.method, label) for label in found}


def _of_label(submission: Submission, method: str, label: str) -> TriggerPictures:
    place = f"/submissions/{submission.id}/repairs/{method}/{label}"
    clean = submission.clean_data_sha256
    return TriggerPictures(
        mask=f"{place}/mask.png",
        pattern=f"{place}/pattern.png",
        clean=None,
        stamped=f"{place}/stamped.png" if clean else None,
    )
