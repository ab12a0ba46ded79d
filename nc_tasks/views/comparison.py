"""Two submissions side by side, label by label: versions of one model, or one model under other options."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from nc_tasks.store.queries import grid
from nc_tasks.store.rows import detections, submissions
from nc_tasks.views.labels import LabelVerdicts, class_names_of, label_verdicts, told

DRIFT_FACTOR = 2.0
"""A norm that changed by more than this factor beyond the change of the typical label has drifted. From one random
start to the next a norm moves by 10 to 20%, now and then by half."""


@dataclass(frozen=True, kw_only=True)
class LabelSide:
    """One label in one submission; indices are None without a detection, name where nobody has said one."""

    state: str
    norm: float | None
    attack_success_rate: float | None
    anomaly_index: float | None
    log_z: float | None
    flagged: bool
    name: str | None


@dataclass(frozen=True, kw_only=True)
class LabelPair:
    """One label in both; None where a side has no such label. ratio: right norm by left norm.

    name: what its class is called on either side.
    """

    label: int
    name: str | None
    left: LabelSide | None
    right: LabelSide | None
    ratio: float | None
    drifted: bool


@dataclass(frozen=True, kw_only=True)
class Side:
    """One submission as the comparison tells of it."""

    id: str
    state: str
    verdict: str | None
    reason: str | None
    p_value: float | None
    anomaly_index: float | None
    flagged_labels: list[int]
    model: dict[str, Any]
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is the same and what has changed from left to right.

    options: name -> (left, right) of those that differ. ratio: the typical label's right norm by its left norm, None
    where no label has both. drifted: labels whose own ratio is `DRIFT_FACTOR` or more beyond that, farthest first.
    """

    left: Side
    right: Side
    same_model: bool
    same_data: bool
    options: dict[str, tuple[Any, Any]]
    ratio: float | None
    drifted: list[int]
    newly_flagged: list[int]
    no_longer_flagged: list[int]
    labels: list[LabelPair]

    def to_json(self) -> dict[str, Any]:
        """The same as plain dicts, lists, strings and numbers."""
        return {**asdict(self), "options": {name: list(pair) for name, pair in self.options.items()}}


def compare(session: Session, *, left: str, right: str, owner: str | None = None) -> Comparison:
    """Compare this owner's (None: anybody's) submissions with these ids, however far they are.

    Raises NoSuchSubmission.
    """
    (left_side, left_labels, left_options), (right_side, right_labels, right_options) = (
        _read(session, each, owner) for each in (left, right)
    )
    typical = _typical(left_labels, right_labels)
    pairs = [
        _pair(label, left_labels.get(label), right_labels.get(label), typical)
        for label in sorted(left_labels.keys() | right_labels.keys())
    ]
    return Comparison(
        left=left_side,
        right=right_side,
        same_model=left_side.model["sha256"] == right_side.model["sha256"],
        same_data=left_side.data["sha256"] == right_side.data["sha256"],
        options=_different(left_options, right_options),
        ratio=typical,
        drifted=_drifted(pairs, typical),
        newly_flagged=sorted(set(right_side.flagged_labels) - set(left_side.flagged_labels)),
        no_longer_flagged=sorted(set(left_side.flagged_labels) - set(right_side.flagged_labels)),
        labels=pairs,
    )


def _read(session: Session, submission_id: str, owner: str | None) -> tuple[Side, dict[int, LabelSide], dict[str, Any]]:
    submission = submissions.get(session, submission_id=submission_id, owner=owner)
    detection = detections.get(session, submission_id=submission_id)
    body = {} if detection is None else detection.body
    verdicts = label_verdicts(session, detection)
    side = Side(
        id=submission.id,
        state=submission.state,
        verdict=body.get("verdict"),
        reason=told(submission, body["reason"]) if "reason" in body else submission.reason,
        p_value=body.get("p_value"),
        anomaly_index=body.get("anomaly_index"),
        flagged_labels=list(verdicts.flagged),
        model={"name": submission.model_name, "sha256": submission.model_sha256, "classes": submission.classes},
        data={"name": submission.data_name, "sha256": submission.data_sha256},
    )
    cells = grid.cells(session, submission_id=submission_id)
    return side, _labels(cells, verdicts, class_names_of(submission)), submission.options


def _labels(cells: Sequence[grid.Cell], verdicts: LabelVerdicts, names: Sequence[str] | None) -> dict[int, LabelSide]:
    judged = {cell.label: verdicts.of(cell.label) for cell in cells}
    return {
        cell.label: LabelSide(
            state=cell.state,
            norm=cell.norm,
            attack_success_rate=cell.attack_success_rate,
            name=names[cell.label] if names else None,
            **{name: judged[cell.label][name] for name in ("anomaly_index", "log_z", "flagged")},
        )
        for cell in cells
    }


def _ratio(left: LabelSide | None, right: LabelSide | None) -> float | None:
    if left is None or right is None or not left.norm or not right.norm:
        return None
    return right.norm / left.norm


def _typical(left: Mapping[int, LabelSide], right: Mapping[int, LabelSide]) -> float | None:
    ratios = [ratio for label in left if (ratio := _ratio(left[label], right.get(label))) is not None]
    return statistics.median(ratios) if ratios else None


def _pair(label: int, left: LabelSide | None, right: LabelSide | None, typical: float | None) -> LabelPair:
    ratio = _ratio(left, right)
    drifted = ratio is not None and typical is not None and _beyond(ratio, typical) >= math.log(DRIFT_FACTOR)
    name = next((side.name for side in (right, left) if side is not None and side.name), None)
    return LabelPair(label=label, name=name, left=left, right=right, ratio=ratio, drifted=drifted)


def _beyond(ratio: float, typical: float) -> float:
    return abs(math.log(ratio / typical))


def _drifted(pairs: Sequence[LabelPair], typical: float | None) -> list[int]:
    far = {pair.label: _beyond(pair.ratio, typical) for pair in pairs if pair.drifted and pair.ratio and typical}
    return sorted(far, key=lambda label: (-far[label], label))


def _different(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = sorted(left.keys() | right.keys())
    return {name: (left.get(name), right.get(name)) for name in names if left.get(name) != right.get(name)}
