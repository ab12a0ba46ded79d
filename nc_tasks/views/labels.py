"""The labels of a submission together with what its verdict, and the repair that is kept, say of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from nc_core.results.names import called, sentence_named
from nc_core.scanning.rounds import Plan
from nc_tasks.store import Detection, Submission
from nc_tasks.store.queries import findings
from nc_tasks.store.queries.findings import Finding, LabelTotals
from nc_tasks.store.rows import detections
from nc_tasks.store.tables.states import LABEL_ENDS
from nc_tasks.views.planning import plan_of

_NOTHING: dict[str, Any] = {"anomaly_index": None, "log_z": None, "rules": []}


@dataclass(frozen=True, kw_only=True)
class LabelVerdicts:
    """What is said of each label of a submission; nothing of any before there is a verdict.

    flagged: the labels that the verdict flags, without followers. followers: those whose small trigger went away with
    the others' in the repair that is kept. entries: label -> what the detection has recorded of it.
    """

    flagged: tuple[int, ...]
    followers: tuple[int, ...]
    entries: Mapping[int, Mapping[str, Any]]

    def of(self, label: int) -> dict[str, Any]:
        """anomaly_index, log_z, rules, flagged and follower, as result.json has them."""
        entry = self.entries.get(label, _NOTHING)
        return {
            **{name: entry.get(name, none) for name, none in _NOTHING.items()},
            "flagged": label in self.flagged,
            "follower": label in self.followers,
        }

    def is_detected(self, label: int) -> bool:
        """Whether the detection has flagged the label, be it a follower or not."""
        return label in self.flagged or label in self.followers


UNJUDGED = LabelVerdicts(flagged=(), followers=(), entries={})


def label_verdicts(session: Session, detection: Detection | None) -> LabelVerdicts:
    """What this detection, and the repair that is kept of its submission, say of the labels."""
    if detection is None:
        return UNJUDGED
    named = findings.followers(session, submission_ids=[detection.submission_id])
    detected = detection.body["flagged_labels"]
    followers = tuple(label for label in detected if label in named.get(detection.submission_id, ()))
    return LabelVerdicts(
        flagged=tuple(label for label in detected if label not in followers),
        followers=followers,
        entries={entry["label"]: entry for entry in detection.body["labels"]},
    )


def labels_of(session: Session, submission: Submission) -> list[dict[str, Any]]:
    """The labels of a submission as they stand now."""
    rows = findings.latest(session, submission_id=submission.id)
    totals = findings.totals(session, submission_id=submission.id)
    detection = detections.get(session, submission_id=submission.id)
    verdicts = label_verdicts(session, detection)
    rounds = plan_of(submission)
    screened = findings.screened(session, submission_id=submission.id, rounds=rounds)
    return labels_json(rows, totals, rounds, verdicts, class_names_of(submission), screened)


def class_names_of(submission: Submission) -> list[str] | None:
    """What the model's outputs are called, in their order; None where nobody has said so."""
    return (submission.preflight or {}).get("class_names")


def label_called(submission: Submission, label: int) -> str:
    """ "6 (stop)", and "6" where its class has no name."""
    names = class_names_of(submission)
    return called(label, names[label] if names and label < len(names) else None)


def told(submission: Submission, sentence: str) -> str:
    """A sentence about labels with the names of their classes."""
    return sentence_named(sentence, class_names_of(submission))


def labels_json(
    rows: Sequence[Finding],
    totals: Mapping[int, LabelTotals],
    rounds: Plan,
    verdicts: LabelVerdicts,
    names: Sequence[str] | None = None,
    screened: Mapping[int, float] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """The labels as result.json has them; of a scan that is not judged yet, without indices.

    screened: as `findings.screened` gives it.
    """
    doubts = {row.label: findings.doubt_of(row) for row in rows if row.state in LABEL_ENDS}
    return [
        {
            "label": row.label,
            "name": names[row.label] if names else None,
            "state": row.state,
            "round": row.round,
            "norm": row.norm if row.state == "done" else None,
            "norms": row.norms if row.state == "done" else None,
            **verdicts.of(row.label),
            "attack_success_rate": row.attack_success_rate if row.state == "done" else None,
            "reference": row.label in rounds.reference,
            "updates": totals[row.label].updates,
            "seconds": totals[row.label].seconds,
            "outcome": row.label in doubts and (doubts[row.label] is None or verdicts.is_detected(row.label)),
            "reason": row.reason or doubts.get(row.label),
            "screened_norm": screened.get(row.label),
            "evidence": row.evidence,
        }
        for row in rows
    ]
