"""The way of a submission whose clean images fit two value ranges, on a real store; only messages are watched."""

from typing import Any

import pytest

from api.progress.watching import snapshot
from nc_core.scanning.rounds import RANGE_ROUNDS
from nc_tasks import workflow
from nc_tasks.store.queries import findings, grid
from nc_tasks.store.rows import detections, labels, mitigations, submissions
from nc_tasks.tasks.repair import range_alpha
from nc_tasks.views.results import result_json
from nc_tasks.worker.inputs import domain_of
from nc_tasks.worker.process import WorkerProcess
from tests.nc_tasks.submissions import CLEAN, SMALLEST, Messages, end, prepared, state
from tests.servers.databases import database_url as database_url

RANGES: list[dict[str, Any]] = [
    {"value_range": "0..1", "scale": [1 / 255] * 3, "offset": [0.0] * 3, "score": 0.99, "clean_accuracy": 0.98},
    {"value_range": "0..255", "scale": [1.0] * 3, "offset": [0.0] * 3, "score": 0.98, "clean_accuracy": 0.97},
]
SECOND = RANGE_ROUNDS


def ambiguous(worker: WorkerProcess, *, labelled: bool = True, **options: object) -> str:
    """A prepared submission that is to be scanned in two ranges."""
    submission_id = prepared(worker, **options)
    first = {name: value for name, value in RANGES[0].items() if name != "score"}
    with worker.store.write() as session:
        row = submissions.get(session, submission_id=submission_id)
        row.preflight = {
            **first,
            "ambiguous": True,
            "labelled": labelled,
            "layout": "",
            "scores": {},
            "warnings": [],
            "doubts": [],
            "range": 0,
            "ranges": RANGES,
        }
    workflow.begin_scan(worker, submission_id)
    return submission_id


def scan_of(worker: WorkerProcess, submission_id: str, *, first: int, small: int | None = None) -> None:
    """A range from its first round to its last: twenty labels, one of them tiny or none, then the confirmation."""
    norms = {label: 3.0 if label == small else float(norm) for label, norm in enumerate(CLEAN)}
    end(worker, submission_id, norms, round=first)
    workflow.advance(worker, submission_id, first)
    again = [int(CLEAN.argmin()), small] if small is not None else SMALLEST
    end(worker, submission_id, {label: norms[label] for label in again}, round=first + 1)
    workflow.advance(worker, submission_id, first + 1)
    workflow.advance(worker, submission_id, first + 1)


def result_of(worker: WorkerProcess, submission_id: str) -> dict[str, Any]:
    with worker.store.read() as session:
        return result_json(session, submission_id)


def test_every_label_has_a_task_in_each_range_and_the_second_begins_once_the_first_is_judged(
    worker: WorkerProcess, sent: Messages
) -> None:
    submission_id = ambiguous(worker)
    assert sent.labels == [list(range(20))]
    # When the first range is over and clean, and its callback comes twice
    scan_of(worker, submission_id, first=0)
    # Then no verdict is there, and every label is sent once more, in the second range
    with worker.store.read() as session:
        assert detections.get(session, submission_id=submission_id) is None
        submission = submissions.get(session, submission_id=submission_id)
        assert (submission.round, submission.state) == (SECOND, "inverting")
        # And what pages show is of that range: its domain, its labels, the second half of the work
        assert domain_of(submission).value_range == "0..255"
        assert {cell.state for cell in grid.cells(session, submission_id=submission_id)} == {"queued"}
        seen = snapshot(session, submission_id)
        assert (seen.range, seen.ranges, seen.round) == (1, 2, 0)
        assert seen.inversion == pytest.approx(0.5)
        first = findings.latest(session, submission_id=submission_id, range=0)
    assert sent.labels[2:] == [list(range(20))]
    assert [row.norm for row in first] == pytest.approx(CLEAN.tolist())


def test_clean_in_both_ranges_is_clean(worker: WorkerProcess, sent: Messages) -> None:
    submission_id = ambiguous(worker)
    for first in (0, SECOND):
        scan_of(worker, submission_id, first=first)
    assert state(worker, submission_id) == "done"
    result = result_of(worker, submission_id)
    assert result["verdict"] == "clean"
    assert [(one["value_range"], one["verdict"]) for one in result["ranges"]] == [
        ("0..1", "clean"),
        ("0..255", "clean"),
    ]
    assert result["preflight"]["value_range"] == "0..1"
    assert {row["round"] for row in result["labels"]} == {0, 1}
    assert sent.repairs == []
    # And what a label took is told of both ranges
    assert {row["updates"] for row in result["labels"]} == {20, 40}


@pytest.mark.parametrize("position", [0, 1])
def test_a_backdoor_in_one_range_is_judged_and_repaired_there(
    worker: WorkerProcess, sent: Messages, position: int
) -> None:
    # Given labelled data, and a label that is tiny in one of two ranges
    submission_id = ambiguous(worker)
    for number, first in enumerate((0, SECOND)):
        scan_of(worker, submission_id, first=first, small=7 if number == position else None)
    # Then the model is backdoored, and everything that is shown of it is of that range
    result = result_of(worker, submission_id)
    found = RANGES[position]
    assert (result["verdict"], result["flagged_labels"]) == ("backdoored", [7])
    assert found["value_range"] in result["reason"]
    assert {name: result["preflight"][name] for name in found if name != "score"} == {
        name: value for name, value in found.items() if name != "score"
    }
    assert [one["flagged_labels"] for one in result["ranges"]] == ([[7], []] if position == 0 else [[], [7]])
    assert {row["round"] // SECOND for row in result["labels"]} == {position}
    assert {row["label"]: row["norm"] for row in result["labels"]}[7] == 3.0
    # And its repair begins, in the domain of that range and with the limit that it was judged at
    assert sent.repairs == ["unlearning"]
    assert state(worker, submission_id) == "repairing"
    with worker.store.read() as session:
        submission = submissions.get(session, submission_id=submission_id)
        body = detections.get(session, submission_id=submission_id)
        assert domain_of(submission).value_range == found["value_range"]
        assert body is not None
        assert (body.smallest_label, body.smallest_norm) == (7, 3.0)
        assert range_alpha(body.body, 0.05) == 0.025
        assert len(mitigations.of_submission(session, submission_id=submission_id)) == 1


def test_without_labels_two_ranges_that_disagree_are_inconclusive_and_repaired_as_a_precaution(
    worker: WorkerProcess, sent: Messages
) -> None:
    submission_id = ambiguous(worker, labelled=False)
    scan_of(worker, submission_id, first=0)
    scan_of(worker, submission_id, first=SECOND, small=7)
    result = result_of(worker, submission_id)
    assert result["verdict"] == "inconclusive"
    assert "0..1" in result["reason"]
    assert "0..255" in result["reason"]
    # In the range that has the label, the other one being perhaps no more than a guess
    assert (sent.repairs, state(worker, submission_id)) == (["unlearning"], "repairing")
    assert (result["preflight"]["value_range"], result["flagged_labels"]) == ("0..255", [7])


@pytest.mark.usefixtures("sent")
def test_a_failed_label_of_either_range_can_be_tried_again(worker: WorkerProcess) -> None:
    # Given a label that failed in the range that the verdict does not rest on
    submission_id = ambiguous(worker)
    scan_of(worker, submission_id, first=0, small=7)
    end(worker, submission_id, {label: float(norm) for label, norm in enumerate(CLEAN) if label != 4}, round=SECOND)
    end(worker, submission_id, {4: 0.0}, round=SECOND, ends="failed")
    workflow.advance(worker, submission_id, SECOND)
    end(worker, submission_id, {label: float(CLEAN[label]) for label in SMALLEST}, round=SECOND + 1)
    workflow.advance(worker, submission_id, SECOND + 1)
    with worker.store.write() as session:
        submissions.cancel(session, submission_id=submission_id)
        # When it is retried
        again = submissions.retry(session, submission_id=submission_id)
        # Then that label alone is looked at again, whatever of the first range is there stays
        kept = labels.of_round(session, submission_id=submission_id, round=0)
        assert {row.state for row in kept} == {"done"}
        assert labels.of_round(session, submission_id=submission_id, round=SECOND)[3].state == "done"
    assert again >= 1


@pytest.mark.usefixtures("sent")
def test_a_budget_that_ends_in_the_second_range_leaves_no_clean_verdict(worker: WorkerProcess) -> None:
    submission_id = ambiguous(worker, budget_minutes=0.5)
    scan_of(worker, submission_id, first=0)
    with worker.store.write() as session:
        row = submissions.get(session, submission_id=submission_id)
        assert row.started_at is not None
        row.started_at = row.started_at.replace(year=row.started_at.year - 1)
    workflow.end_spent(worker.store)
    workflow.advance(worker, submission_id, SECOND)
    result = result_of(worker, submission_id)
    assert result["verdict"] == "inconclusive"
    assert "the budget of 0.5 minutes was used up" in result["reason"].lower()
    assert [one["verdict"] for one in result["ranges"]] == ["clean", "inconclusive"]


@pytest.mark.usefixtures("sent")
def test_what_an_earlier_version_has_prepared_is_scanned_in_its_one_range(worker: WorkerProcess) -> None:
    # Given a preparation that knows of one range and no list of them
    submission_id = prepared(worker)
    first = {name: value for name, value in RANGES[0].items() if name != "score"}
    with worker.store.write() as session:
        row = submissions.get(session, submission_id=submission_id)
        row.preflight = {**first, "ambiguous": True, "labelled": True, "layout": "", "scores": {}, "warnings": []}
    workflow.begin_scan(worker, submission_id)
    scan_of(worker, submission_id, first=0)
    # Then its verdict is that of the range, and what it has prepared stays as it was
    with worker.store.read() as session:
        submission = submissions.get(session, submission_id=submission_id)
        assert domain_of(submission, 0) == domain_of(submission)
        assert submission.preflight is not None
        assert "range" not in submission.preflight
    result = result_of(worker, submission_id)
    assert result["verdict"] == "clean"
    assert [one["value_range"] for one in result["ranges"]] == ["0..1"]
