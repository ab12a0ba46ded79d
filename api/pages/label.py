"""One label of one submission: its trigger in pictures, and how it came about."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from api.results.triggers import read_triggers
from nc_core.datasets import CleanData, Images
from nc_core.results.numbers import MISSING, duration, hundredths, percent, significant, spread_of
from nc_core.results.report.pictures import PerturbationPictures, perturbation_pictures, trigger_pictures
from nc_tasks.errors import NotFound
from nc_tasks.files import ArtefactStore
from nc_tasks.files.evidence import read_arrays
from nc_tasks.store import Submission
from nc_tasks.store.queries import findings
from nc_tasks.store.queries.findings import Finding
from nc_tasks.store.rows import detections
from nc_tasks.store.tables.states import LABEL_ENDS
from nc_tasks.views.labels import label_called, label_verdicts

WITHOUT = {
    "queued": "No trigger yet: the label waits for a worker.",
    "running": "No trigger yet: the label is being optimised. It is shown here once it has ended.",
    "screened_out": "No trigger: after a glance the label was far from the smallest, and was left behind.",
    "not_converged": "No trigger works well enough on the other pictures: the label needs a large one, if any.",
}
UNSEEN = "No trigger was found."


def shown(session: Session, artefacts: ArtefactStore, submission: Submission, label: int) -> dict[str, Any]:
    """What the page's template wants; raises NotFound where the submission has no such label."""
    rows = findings.latest(session, submission_id=submission.id)
    row = next((row for row in rows if row.label == label), None)
    if row is None:
        raise NotFound(f"submission {submission.id} has no label {label}; its page shows those that it has")
    detection = detections.get(session, submission_id=submission.id)
    verdicts = label_verdicts(session, detection)
    unseen = None if verdicts.is_detected(label) else _unseen(row)
    before, after = _neighbours([row.label for row in rows], label)
    return {
        "submission": submission,
        "label": label,
        "called": label_called(submission, label),
        **verdicts.of(label),
        "neighbours": [
            (way, other, label_called(submission, other))
            for way, other in (("prev", before), ("next", after))
            if other is not None
        ],
        "pictures": _pictures(artefacts, submission, row),
        "perturbed": _perturbed(artefacts, submission, row),
        "unseen": unseen,
        "without": row.reason
        or (UNSEEN if unseen else WITHOUT.get(row.state, f"No trigger: the label has {row.state}.")),
        "facts": _facts(submission, row, verdicts.of(label)),
    }


def _unseen(row: Finding) -> str | None:
    """Why a label has no outcome; None where it has one, or is not at its end."""
    return findings.doubt_of(row) if row.state in LABEL_ENDS else None


def _neighbours(numbers: Sequence[int], label: int) -> tuple[int | None, int | None]:
    at = numbers.index(label)
    return (numbers[at - 1] if at else None), (numbers[at + 1] if at + 1 < len(numbers) else None)


def _pictures(artefacts: ArtefactStore, submission: Submission, row: Finding) -> Any:
    shape = submission.input_shape
    if row.state != "done" or row.trigger_sha256 is None or shape is None or submission.preflight is None:
        return None
    triggers = read_triggers(artefacts, {row.label: row.trigger_sha256}, shape)
    return trigger_pictures(row.label, triggers, _examples(artefacts, submission), submission.preflight)


def _perturbed(artefacts: ArtefactStore, submission: Submission, row: Finding) -> PerturbationPictures | None:
    """Of the label's universal perturbation, None where none was kept."""
    if row.evidence_sha256 is None or submission.preflight is None:
        return None
    delta = read_arrays(artefacts.path(row.evidence_sha256)).perturbation
    if delta is None:
        return None
    return perturbation_pictures(row.label, delta, _examples(artefacts, submission), submission.preflight)


def _examples(artefacts: ArtefactStore, submission: Submission) -> Images | None:
    """The clean pictures of a submission, None where none are kept."""
    clean = submission.clean_data_sha256
    return CleanData.load(artefacts.path(clean)).images if clean else None


def _facts(submission: Submission, row: Finding, judged: dict[str, Any]) -> list[tuple[str, str]]:
    done, shape = row.state == "done", submission.input_shape
    pixels = shape[0] * shape[1] if shape else None
    norm = significant(row.norm) if done else MISSING
    if done and row.norm is not None and pixels:
        norm += f" of {pixels:,} pixels ({percent(row.norm / pixels)})"
    facts = [
        ("State", row.state.replace("_", " ")),
        ("Norm", norm),
        ("Attack success rate", percent(row.attack_success_rate if done else None)),
        ("Anomaly index", hundredths(judged["anomaly_index"])),
        ("Index on log norms", hundredths(judged["log_z"])),
        ("Updates", f"{row.updates:,}"),
        ("Time", duration(row.seconds)),
    ]
    spread = spread_of(row.norms) if done else ""
    return [*facts[:2], ("Starts", spread), *facts[2:]] if spread else facts
