"""Verdicts that wait for clean scans, on a real store; only the sending of messages is watched instead of done."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sqlalchemy import select

from api.progress.snapshot import detail
from api.progress.watching import snapshot
from nc_tasks import sweeper, workflow
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import CalibrationScan, Submission
from nc_tasks.store.rows import baselines, detections, lifecycle, submissions
from nc_tasks.tasks import scan
from nc_tasks.views import judging
from nc_tasks.worker.process import WorkerProcess
from tests.nc_tasks.submissions import CLASSES, CLEAN, SMALLEST, Messages, end, prepared, state
from tests.servers.databases import database_url as database_url

OF_THREE = 0.25
"""The error rate that three clean scans can bear out."""


def inverting(worker: WorkerProcess, number: int, **options: object) -> str:
    """A submission of net number `number`, whose labels are sent."""
    submission_id = prepared(worker, seed=number, mitigate=(), **options)
    with worker.store.write() as session:
        submissions.get(session, submission_id=submission_id).canonical_sha256 = f"{number:064x}"
    workflow.begin_scan(worker, submission_id)
    return submission_id


def invert(worker: WorkerProcess, submission_id: str, *, small: float | None = None) -> None:
    """All labels to their ends; 7 is as small as this."""
    norms = dict(enumerate(map(float, CLEAN))) | ({} if small is None else {7: small})
    end(worker, submission_id, norms)
    workflow.advance(worker, submission_id, 0)
    again = SMALLEST if small is None else [7, int(CLEAN.argmin())]
    end(worker, submission_id, {label: norms[label] for label in again}, round=1)
    workflow.advance(worker, submission_id, 1)


def clean_scan(worker: WorkerProcess, number: int) -> str:
    submission_id = inverting(worker, number)
    invert(worker, submission_id)
    return submission_id


def named(worker: WorkerProcess, *ids: str) -> None:
    with worker.store.write() as session:
        baselines.add(session, owner="local", name="signs", submission_ids=ids)


def verdict_of(worker: WorkerProcess, submission_id: str) -> dict[str, Any] | None:
    with worker.store.read() as session:
        found = detections.get(session, submission_id=submission_id)
        return None if found is None else found.body


def calibrated_by(body: dict[str, Any]) -> dict[str, Any]:
    """The calibration of the evidence that rests on most scans."""
    used: dict[str, Any] = max((one["calibration"] for one in body["evidence"]), key=lambda one: one["scans"])
    return used


def compared(reason: str) -> int:
    """How many clean scans a verdict could be compared with, where they are too few to judge by."""
    found = re.search(r"uncalibrated: (no|\d+) clean scan", reason)
    assert found is not None, reason
    return 0 if found[1] == "no" else int(found[1])


def test_a_verdict_is_held_against_the_scans_of_its_baseline(worker: WorkerProcess, sent: Messages) -> None:
    named(worker, *(clean_scan(worker, number) for number in range(1, 4)))
    submission_id = inverting(worker, 9, baseline="signs", alpha=OF_THREE)
    invert(worker, submission_id, small=3.0)
    body = verdict_of(worker, submission_id)
    assert body is not None
    assert calibrated_by(body) == {"source": "baseline", "scans": 3}
    assert (body["verdict"], body["p_value"]) == ("backdoored", OF_THREE)
    assert 7 in body["flagged_labels"]
    assert sent.gathered == []


def test_a_verdict_waits_for_the_last_of_its_scans_and_is_then_taken_once(
    worker: WorkerProcess, sent: Messages
) -> None:
    # Given a baseline of which one scan has ended and two have not
    open_ones = [inverting(worker, number) for number in (2, 3)]
    named(worker, clean_scan(worker, 1), *open_ones)
    submission_id = inverting(worker, 9, baseline="signs", alpha=OF_THREE)
    # When its labels are at work, then nothing is said of the others
    with worker.store.read() as session:
        seen = snapshot(session, submission_id)
    assert (seen.phase, seen.awaited, detail("inversion", seen)) == ("inversion", 0, f"0 of {CLASSES} labels")
    # When all its own labels have ended, and its callback comes twice
    invert(worker, submission_id)
    workflow.advance(worker, submission_id, 1)
    # Then there is no verdict, it is told what it waits for, and the state stays
    assert verdict_of(worker, submission_id) is None
    assert state(worker, submission_id) == "inverting"
    with worker.store.read() as session:
        seen = snapshot(session, submission_id)
    assert seen.phase == "detection"
    assert detail("detection", seen) == "waiting for 2 of 3 clean scans"
    # When the first of them ends, then it goes on waiting
    invert(worker, open_ones[0])
    assert sent.gathered == []
    # When the last one ends, then its step is asked for, and the verdict rests on all three
    invert(worker, open_ones[1])
    assert sent.gathered == [(submission_id, 1)]
    workflow.advance(worker, submission_id, 1)
    workflow.advance(worker, submission_id, 1)
    body = verdict_of(worker, submission_id)
    assert body is not None
    assert calibrated_by(body)["scans"] == 3
    assert state(worker, submission_id) == "done"


@pytest.mark.parametrize("how", ["cancelled", "failed", "refused"])
def test_a_scan_that_ends_without_a_result_is_left_out(worker: WorkerProcess, sent: Messages, how: str) -> None:
    open_one = inverting(worker, 2)
    named(worker, clean_scan(worker, 1), open_one)
    submission_id = inverting(worker, 9, baseline="signs")
    invert(worker, submission_id)
    with worker.store.write() as session:
        if how == "refused":
            submissions.get(session, submission_id=open_one).state = "refused"
        elif how == "failed":
            lifecycle.fail(session, submission_id=open_one, reason="no memory")
        else:
            submissions.cancel(session, submission_id=open_one)
    workflow.release(worker.store, open_one)
    assert sent.gathered == [(submission_id, 1)]
    workflow.advance(worker, submission_id, 1)
    body = verdict_of(worker, submission_id)
    assert body is not None
    assert "uncalibrated: 1 clean scan can be compared with it" in body["reason"]


def test_a_callback_that_was_lost_is_made_up_for_by_the_sweeper(
    worker: WorkerProcess, sent: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a submission whose last scan was cancelled by a process that tells nobody
    open_one = inverting(worker, 2)
    named(worker, clean_scan(worker, 1), open_one)
    submission_id = inverting(worker, 9, baseline="signs")
    invert(worker, submission_id)
    with worker.store.write() as session:
        submissions.cancel(session, submission_id=open_one)
    # When the sweeper looks
    monkeypatch.setattr(sweeper.publishing.broker, "waiting", lambda _: 1)
    sweeper.sweep(worker.store, worker.settings)
    # Then its step is asked for, and leads to the verdict
    assert sent.gathered == [(submission_id, 1)]
    workflow.advance(worker, submission_id, 1)
    assert state(worker, submission_id) == "done"


@pytest.mark.usefixtures("sent")
def test_scans_of_other_nets_are_left_out_and_without_any_the_verdict_says_so(worker: WorkerProcess) -> None:
    scans = [clean_scan(worker, number) for number in range(1, 5)]
    named(worker, *scans)
    submission_id = inverting(worker, 9, baseline="signs")
    with worker.store.write() as session:
        rows = [submissions.get(session, submission_id=scan) for scan in scans]
        rows[0].classes = CLASSES + 1
        rows[1].input_shape = [28, 28, 1]
        # It is of the same net
        rows[2].canonical_sha256 = f"{9:064x}"
        rows[3].options = {**rows[3].options, "profile": "thorough"}
        session.flush()
        submission = submissions.get(session, submission_id=submission_id)
        found = judging.calibration_of(session, submission)
    assert found is not None
    assert (found.source, found.scans) == ("baseline", ())
    invert(worker, submission_id)
    body = verdict_of(worker, submission_id)
    assert body is not None
    assert "uncalibrated" in body["reason"]


def test_which_labels_are_confirmed_does_not_depend_on_the_clean_scans(worker: WorkerProcess, sent: Messages) -> None:
    # Clean scans have no others to be held against, and may come late: what is done to them is done to the model
    named(worker, clean_scan(worker, 1))
    for submission_id in (inverting(worker, 8), inverting(worker, 9, baseline="signs")):
        end(worker, submission_id, {**dict(enumerate(map(float, CLEAN))), 7: 3.0})
        workflow.advance(worker, submission_id, 0)
        assert sent.labels[-1] == sorted([7, int(CLEAN.argmin())])


@pytest.fixture
def files(worker: WorkerProcess, tmp_path: Path) -> Callable[..., Submission]:
    """Submits a net of one architecture that is right on its clean data; learned: which of its nets."""
    generator = np.random.default_rng(2)
    labels = generator.integers(0, 3, 240)
    pixels = generator.integers(0, 80, (240, 6, 6, 3))
    pixels[np.arange(240), :, :, labels] += 150
    np.savez(tmp_path / "clean.npz", x_test=pixels.astype(np.uint8), y_test=labels)
    np.savez(tmp_path / "bare.npz", x=pixels.astype(np.uint8))

    def submit(learned: int, *, data: str = "clean.npz", **options: Any) -> Submission:
        image = keras.Input((6, 6, 3))
        answer = keras.layers.Dense(3, activation="softmax")
        net = keras.Model(image, answer(keras.layers.Flatten()(image)))
        kernel = np.tile(np.eye(3), (36, 1)) * (1 + np.random.default_rng(learned).random((108, 3)) / 10)
        answer.set_weights([kernel, np.zeros(3)])
        net.save(tmp_path / "net.keras")
        with worker.store.write() as session:
            return submissions.submit(
                session,
                ScanRequest(
                    model=StoredFile(sha256=worker.artefacts.put_file(tmp_path / "net.keras"), name="net.keras"),
                    data=StoredFile(sha256=worker.artefacts.put_file(tmp_path / data), name=data),
                    options=ScanOptions(value_range="0..1", mitigate=(), **options),
                ),
            )

    return submit


@pytest.fixture
def started(worker: WorkerProcess, sent: Messages, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Runs a submission's start; the ids that a start was asked for by it."""
    begun: list[str] = []
    monkeypatch.setattr(scan, "this_worker", lambda: worker)
    monkeypatch.setattr(scan, "publish_start", lambda identity, **_: begun.append(identity))
    del sent

    def run(submission_id: str) -> list[str]:
        begun.clear()
        scan.start(submission=submission_id)
        return list(begun)

    return run


def test_a_model_s_twins_are_submitted_once_for_all_nets_of_its_build(
    worker: WorkerProcess, files: Callable[..., Submission], started: Callable[[str], list[str]]
) -> None:
    # Given a model that asks for two twins
    parent = files(1, twins=2, seed=5)
    # When it is prepared
    twins = started(parent.id)
    # Then two nets of its architecture are submitted on the same data, to be trained and scanned as it is
    with worker.store.read() as session:
        rows = [submissions.get(session, submission_id=twin) for twin in twins]
        links = {(link.submission_id, link.scan_id, link.source) for link in session.scalars(select(CalibrationScan))}
    options = [ScanOptions(**row.options) for row in rows]
    assert [one.twin for one in options] == [1, 2]
    assert {(one.twins, one.baseline, one.mitigate, one.value_range, one.seed) for one in options} == {
        (0, None, (), "0..1", 5)
    }
    assert {(row.data_sha256, row.owner) for row in rows} == {(parent.data_sha256, "local")}
    assert {row.tags["twin-of"] for row in rows} == {parent.id}
    assert links == {(parent.id, twin, "twins") for twin in twins}
    # When one of them is prepared, then it has learned what the data say, and asks for no twins
    assert started(twins[0]) == []
    with worker.store.read() as session:
        twin = submissions.get(session, submission_id=twins[0])
        assert (twin.state, (twin.preflight or {})["clean_accuracy"] > 0.9) == ("inverting", True)
        assert twin.canonical_sha256 != submissions.get(session, submission_id=parent.id).canonical_sha256
    # When another net of that build asks for three, then the twins that are there are its own, too
    other = files(2, twins=3, seed=5)
    again = started(other.id)
    with worker.store.read() as session:
        theirs = {link.scan_id for link in session.scalars(select(CalibrationScan)) if link.submission_id == other.id}
        assert submissions.get(session, submission_id=twins[1]).tags == {"twin-of": parent.id}
    assert set(twins) < theirs
    assert len(theirs) == 3
    # the one that has begun is not begun again
    assert set(again) == theirs - {twins[0]}


def test_twins_of_data_without_labels_are_refused_in_one_line(
    worker: WorkerProcess, files: Callable[..., Submission], started: Callable[[str], list[str]]
) -> None:
    parent = files(1, data="bare.npz", twins=2)
    assert started(parent.id) == []
    with worker.store.read() as session:
        row = submissions.get(session, submission_id=parent.id)
    assert row.state == "refused"
    assert "leave out --twins" in (row.reason or "")


def test_a_twin_that_is_refused_lets_its_model_go_on(
    worker: WorkerProcess, sent: Messages, files: Callable[..., Submission], started: Callable[[str], list[str]]
) -> None:
    # Given a submission that waits for one twin, whose file cannot be read
    parent = inverting(worker, 9, twins=1)
    twin = files(1, data="bare.npz", twin=1).id
    with worker.store.write() as session:
        session.add(CalibrationScan(submission_id=parent, scan_id=twin, source="twins"))
    invert(worker, parent)
    assert verdict_of(worker, parent) is None
    # When it is refused
    started(twin)
    assert state(worker, twin) == "refused"
    # Then the verdict is asked for, and says that nothing calibrates it
    assert sent.gathered == [(parent, 1)]
    workflow.advance(worker, parent, 1)
    body = verdict_of(worker, parent)
    assert body is not None
    assert "uncalibrated" in body["reason"]
