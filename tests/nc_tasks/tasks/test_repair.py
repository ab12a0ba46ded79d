"""Repairs of one submission, from their tasks to the one that is kept."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest

from api.results.outputs import read_scan
from api.service.models.mitigation import Mitigation
from nc_core import mitigation
from nc_core.detection import Calibration
from nc_core.intake import load_canonical
from nc_core.inversion import Trigger
from nc_core.mitigation import Case, Repair, filter_inputs
from nc_core.onnx_writer import write_onnx
from nc_core.results.files import GUARDED, GUARDED_ONNX, SCANNED, SCANNED_ONNX
from nc_core.scanning.whole import WholeNet
from nc_tasks import workflow
from nc_tasks.request.choices import Method
from nc_tasks.store.rows import submissions
from nc_tasks.tasks import compare as compare_task
from nc_tasks.tasks import repair as repair_task
from nc_tasks.views import judging
from nc_tasks.worker.process import WorkerProcess
from tests.differential.compare import TOLERANCE, distance
from tests.differential.onnx.compare import theirs
from tests.nc_tasks.tasks.conftest import CLASSES, Make, ended, method, pixel


def test_every_repair_that_can_be_asked_for_exists() -> None:
    assert set(get_args(Method)) == set(mitigation.METHODS)


def test_the_net_on_which_the_others_triggers_work_least_is_kept(worker: WorkerProcess, submission: Make) -> None:
    # Given a thorough method, and one that leaves half of a backdoor, which the scan's own trigger does not show
    thorough = method("unlearning", left=0.0, found=pixel(5, 0.9))
    shallow = method(
        "fine-pruning", left=9.0, found=Trigger(mask=np.ones((3, 2), np.float32), pattern=pixel(5).pattern)
    )
    thorough.found = Trigger(  # type: ignore[attr-defined]
        mask=pixel(4, 0.9).mask, pattern=np.full((3, 2, 1), 2.0, np.float32)
    )
    submission_id = submission({"unlearning": thorough, "fine-pruning": shallow})
    # When both have run, and the comparison that they ask for, which comes twice
    for name in ("unlearning", "fine-pruning"):
        repair_task.repair(submission=submission_id, method=name)
    for _ in range(2):
        compare_task.compare(submission=submission_id)
    # Then each met the scan's trigger and the small one of the thorough net, and none the large one of the shallow net
    told = ended(worker, submission_id)
    met = {one["method"]: one["comparison"]["triggers"] for one in told["candidates"]}
    assert [entry["origin"] for entry in met["unlearning"]] == ["scan", "unlearning"]
    assert [entry["origin"] for entry in met["fine-pruning"]] == ["scan", "unlearning"]
    # And the trigger that works on the shallow one decides
    assert {entry["origin"]: entry["attack_success_rate"] for entry in met["fine-pruning"]} == {
        "scan": 0.0,
        "unlearning": 1.0,
    }
    assert told["method"] == "unlearning"
    assert (told["accuracy_after"], told["reversed_attack_success_rate_after"]) == (1.0, {"2": 0.0})
    # And the document of the API describes all of it
    read = Mitigation.model_validate(told)
    rescans = [rescan for one in read.candidates for rescan in one.rescan.values()]
    parts = [read, *read.candidates, *rescans, read.guard, read.bound, read.verdict_after]
    assert [part.model_extra for part in parts if part is not None and part.model_extra] == []


def test_the_repaired_net_is_screened_in_the_precision_that_the_submitted_one_was(submission: Make) -> None:
    # Given a submission whose labels were screened in bfloat16
    unlearning, cases = method("unlearning", left=0.0, found=pixel(5, 0.9)), list[Case]()

    def run(case: Case, **how: Any) -> Repair:
        cases.append(case)
        return unlearning(case, **how)

    run.found = pixel(5, 0.9)  # type: ignore[attr-defined]
    # When it is repaired
    repair_task.repair(submission=submission({"unlearning": run}), method="unlearning")
    # Then so are those of the repaired net
    (case,) = cases
    assert isinstance(case.whole, WholeNet)
    assert case.whole.screening == "bfloat16"


@pytest.mark.parametrize(("detector", "scans"), [("neural-cleanse", 19), ("gangsweep", 0)])
def test_a_repaired_net_is_held_against_clean_scans_of_the_detector_that_looks_at_it(
    worker: WorkerProcess, submission: Make, monkeypatch: pytest.MonkeyPatch, detector: str, scans: int
) -> None:
    # Given a submission that one detector looked at, and twins that it looked at as well
    twins = Calibration(source="twins", scans=({"outlier": 1.0},) * 19)
    monkeypatch.setattr(judging, "calibration_of", lambda *_: twins)
    unlearning, cases = method("unlearning", left=0.0, found=pixel(5, 0.9)), list[Case]()

    def run(case: Case, **how: Any) -> Repair:
        cases.append(case)
        return unlearning(case, **how)

    run.found = pixel(5, 0.9)  # type: ignore[attr-defined]
    made = submission({"unlearning": run})
    with worker.store.write() as session:
        row = submissions.get(session, submission_id=made)
        row.options = {**row.options, "detector": detector}
    # When it is repaired, Then the scan of the repaired net, which is one of neural-cleanse, is held against its own
    repair_task.repair(submission=made, method="unlearning")
    (case,) = cases
    assert isinstance(case.whole, WholeNet)
    assert len(case.whole.calibration.scans) == scans


def brightest(number: int, mask: Trigger) -> Trigger:
    """Makes one pixel twice as bright as any, where the mask is, and takes the others away there."""
    pattern = np.zeros(6, np.float32)
    pattern[number] = 2.0
    return Trigger(mask=mask.mask, pattern=pattern.reshape(3, 2, 1))


EVERYWHERE = Trigger(mask=np.ones((3, 2), np.float32), pattern=np.ones((3, 2, 1), np.float32))


@pytest.mark.parametrize(
    ("trigger", "kept", "attack"),
    [
        pytest.param(brightest(3, EVERYWHERE), "unlearning", "0.0%", id="a large one does not count"),
        pytest.param(brightest(3, pixel(3, 0.9)), "fine-pruning", "100.0%", id="a small one counts"),
    ],
)
def test_a_suspect_s_trigger_counts_where_it_is_small_beside_the_net_s_clean_labels(
    worker: WorkerProcess, submission: Make, trigger: Trigger, kept: str, attack: str
) -> None:
    # Given a thorough and a shallow repair, and a suspect whose trigger works on any net
    submission_id = submission(
        {
            "unlearning": method("unlearning", left=0.0, found=pixel(5, 0.9)),
            "fine-pruning": method("fine-pruning", left=15.0, found=EVERYWHERE),
        },
        suspects={3: trigger},
    )
    for name in ("unlearning", "fine-pruning"):
        repair_task.repair(submission=submission_id, method=name)
    compare_task.compare(submission=submission_id)
    # Then a clean label's does not decide, one that is small makes both repairs as good as none
    told = ended(worker, submission_id)
    assert told["reversed_attack_success_rate_after"]["3"] == 1.0
    assert told["method"] == kept
    assert f"leaves the least attack, {attack}" in told["reason"]
    # And the kept one's worst trigger, which the page shows, is the one that the rule has judged it by
    assert f"{max(one['attack_success_rate'] for one in told['comparison']['triggers']):.1%}" == attack


def a_filter() -> Callable[..., Repair]:
    def run(case: Case, **how: Any) -> Repair:
        return filter_inputs(case, **how)

    run.found = pixel(0)  # type: ignore[attr-defined]
    return run


def test_a_filter_alone_hands_out_a_guard_and_no_goodnet(
    worker: WorkerProcess, submission: Make, tmp_path: Path
) -> None:
    # Given a submission for which nothing but the filter was asked
    submission_id = submission({"filter": a_filter()})
    repair_task.repair(submission=submission_id, method="filter")
    # Then it is kept, its guard is there, and the result says why there is no repaired net
    told = ended(worker, submission_id)
    assert (told["method"], told["goodnet_sha256"]) == ("filter", None)
    assert any("there is no GoodNet" in note for note in told["notes"])
    assert told["guard"]["kind"] == "neuron-activation"
    scan = read_scan(worker.store, worker.artefacts, submission_id)
    assert scan.nets.keys() == {SCANNED, GUARDED, SCANNED_ONNX, GUARDED_ONNX}
    shutil.copyfile(scan.nets[GUARDED], tmp_path / GUARDED)
    given = np.random.default_rng(0).random((8, 3, 2, 1)).astype(np.float32)
    answers = keras.models.load_model(tmp_path / GUARDED).predict(given, verbose=0)
    assert answers.shape == (8, CLASSES + 1)
    # And the same net is there to be written as ONNX
    file = io.BytesIO()
    write_onnx(load_canonical(scan.nets[GUARDED_ONNX]), file)
    assert distance(answers, theirs(file.getvalue(), given)) <= TOLERANCE


def test_beside_a_repair_the_filter_is_told_of_and_not_kept(worker: WorkerProcess, submission: Make) -> None:
    submission_id = submission(
        {"filter": a_filter(), "unlearning": method("unlearning", left=9.0, found=pixel(5, 0.9))}
    )
    for name in ("filter", "unlearning"):
        repair_task.repair(submission=submission_id, method=name)
    told = ended(worker, submission_id)
    assert told["method"] == "unlearning"
    assert {one["method"] for one in told["candidates"]} == {"filter", "unlearning"}
    assert told["guard"]["kind"] == "badnet-and-goodnet"


def test_the_repair_of_a_cancelled_submission_ends_nothing(worker: WorkerProcess, submission: Make) -> None:
    submission_id = submission({"unlearning": method("unlearning", left=0.0, found=pixel(5))})
    with worker.store.write() as session:
        submissions.cancel(session, submission_id=submission_id)
    repair_task.repair(submission=submission_id, method="unlearning")
    assert not workflow.conclude(worker.store, submission_id, patience_seconds=60)
    with worker.store.read() as session:
        assert submissions.get(session, submission_id=submission_id).state == "cancelled"
