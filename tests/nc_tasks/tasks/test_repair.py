"""Repairs of one submission on real files, from their tasks to the one that is kept; only the methods are stand-ins."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest
from safetensors.numpy import save

from api.results.files import GUARDED, SCANNED
from api.results.outputs import read_scan
from nc_core import mitigation
from nc_core.datasets import CleanData, Images, split_images
from nc_core.detection import LabelNorm, detect
from nc_core.intake import CanonicalModel
from nc_core.inversion import Trigger
from nc_core.mitigation import Case, Repair, TargetTrigger, filter_inputs
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.rescan import Found, Rescan
from nc_core.models import build, canonical_of
from nc_tasks import workflow
from nc_tasks.errors import ArtefactsUnreachable
from nc_tasks.messages import publishing
from nc_tasks.request.choices import Method
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import LabelKey
from nc_tasks.store.rows import detections, labels, lifecycle, mitigations, preparations, submissions
from nc_tasks.tasks import compare as compare_task
from nc_tasks.tasks import repair as repair_task
from nc_tasks.tasks.evaluate import evaluate
from nc_tasks.views.results import result_json
from nc_tasks.worker.process import WorkerProcess

CLASSES, TARGET = 4, 2
CLEAN = detect([LabelNorm(label=label, state="done", norm=2.0) for label in range(CLASSES)], classes=CLASSES, pixels=6)


def badnet() -> CanonicalModel:
    """Right where one of four pixels is bright; a bright fifth one means class 2."""
    net = keras.Sequential([keras.Input((3, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    kernel = np.zeros((6, CLASSES), np.float32)
    kernel[:4] = 10.0 * np.eye(CLASSES)
    kernel[4, TARGET] = 30.0
    net.set_weights([kernel, np.zeros(CLASSES, np.float32)])
    return canonical_of(net)


def images(count: int) -> Images:
    labels_ = (np.arange(count) % CLASSES).astype(np.int32)
    pixels = np.zeros((count, 3, 2, 1), np.uint8)
    pixels.reshape(count, 6)[np.arange(count), labels_] = 255
    return Images(pixels=pixels, labels=labels_, note="drawn")


def pixel(number: int, norm: float = 1.0) -> Trigger:
    mask = np.zeros(6, np.float32)
    mask[number] = norm
    return Trigger(mask=mask.reshape(3, 2), pattern=np.ones((3, 2, 1), np.float32))


def method(name: str, *, left: float, found: Trigger) -> Callable[..., Repair]:
    """A method that leaves the backdoor's weight at `left`, and on whose net this trigger is reversed."""

    def patch(bench: Bench, *_: object, **__: object) -> bool:
        kernel, bias = bench.model.get_weights()
        kernel[4, TARGET] = left
        bench.model.set_weights([kernel, bias])
        return True

    def run(case: Case, **how: Any) -> Repair:
        return close_loop(case, patch, method=name, doing="patching", **how)

    run.found = found  # type: ignore[attr-defined]
    return run


@pytest.fixture
def submission(worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Makes a submission whose repairs are queued, with these methods."""
    monkeypatch.setattr(repair_task, "this_worker", lambda: worker)
    monkeypatch.setattr(compare_task, "this_worker", lambda: worker)
    monkeypatch.setattr(publishing.app, "send_task", lambda *_, **__: None)

    def make(
        methods: dict[str, Callable[..., Repair]],
        poisoned: list[dict[str, str]] | None = None,
        suspects: dict[int, Trigger] | None = None,
    ) -> str:
        looks = {name: one.found for name, one in methods.items()}  # type: ignore[attr-defined]
        monkeypatch.setattr(mitigation, "METHODS", {name: looking(one, looks[name]) for name, one in methods.items()})
        return queued(worker, tmp_path, tuple(methods), poisoned or [], suspects or {})

    def looking(one: Callable[..., Repair], found: Trigger) -> Callable[..., Repair]:
        class Scripted:
            def __init__(self, case: Case, _: object) -> None:
                self.labels = list(case.triggers)

            def look(self, **_: object) -> Found:
                norm = found.norm
                rescan = Rescan(norm=norm, flagged=False, norms=(norm,), clean_quantile=0.95, small=norm < 0.95)
                rescans = dict.fromkeys(self.labels, rescan)
                return Found(rescan=rescans, triggers=(TargetTrigger(TARGET, found),))

            def settle(self, seen: Found, **_: object) -> Found:
                return replace(seen, whole=CLEAN)

        def run(*arguments: Any, **how: Any) -> Repair:
            monkeypatch.setattr(mitigation.loop, "Rescanner", Scripted)
            return one(*arguments, **how)

        return run

    return make


def queued(
    worker: WorkerProcess,
    folder: Path,
    methods: tuple[str, ...],
    poisoned: list[dict[str, str]],
    suspects: dict[int, Trigger],
) -> str:
    clean = CleanData(images=images(200), split=split_images(200, 0))
    net = folder / "net.safetensors"
    badnet().save(net)
    clean.save(folder / "clean.safetensors")
    with worker.store.write() as session:
        made = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256="a" * 64, name="m.h5"),
                data=StoredFile(sha256="b" * 64, name="d.npz"),
                poisoned=tuple(StoredFile(**file) for file in poisoned),
                options=ScanOptions(),
            ),
        )
        key = {"submission_id": made.id}
        assert preparations.claim(session, **key, worker_id="host:1", lease_seconds=60, max_attempts=3) == 1
        preparations.finish(session, **key, attempt=1)
        preflight = {"value_range": "0..1", "scale": [1 / 255], "offset": [0.0], "labelled": True, "warnings": []}
        lifecycle.record_prepared(
            session,
            **key,
            canonical_sha256=worker.artefacts.put_file(net),
            scanned_sha256=worker.artefacts.put_bytes(b"the net that was scanned"),
            clean_data_sha256=worker.artefacts.put_file(folder / "clean.safetensors"),
            classes=CLASSES,
            input_shape=(3, 2, 1),
            parameters=28,
            preflight=preflight,
            slots=2,
            labels_total=CLASSES,
            versions={},
        )
        labels.create(session, **key, labels=range(CLASSES), round=0, updates_budget=10)
        lifecycle.set_state(session, **key, state="inverting", round=0)
        for label in range(CLASSES):
            claim = LabelKey(submission_id=made.id, label=label, round=0)
            attempt = labels.claim(session, key=claim, worker_id="host:1", lease_seconds=60, max_attempts=3)
            assert attempt is not None
            trigger = suspects.get(label, pixel(4, 1.0))
            digest = worker.artefacts.put_bytes(save({"mask": trigger.mask, "pattern": trigger.pattern}))
            labels.finish(
                session,
                key=claim,
                attempt=attempt,
                state="done",
                updates=10,
                norm=1.0 if label == TARGET else 5.0,
                attack_success_rate=1.0,
                trigger_sha256=digest,
            )
        index = {"anomaly_index": 1.0, "log_z": 1.0, "flagged": False, "rules": []}
        told = {
            "verdict": "backdoored",
            "reason": "small",
            "flagged_labels": [TARGET],
            "suspects": list(suspects),
            "p_value": 0.01,
            "threshold": 0.05,
        }
        told |= {"not_covered": [], "anomaly_index": 9.0, "log_z": 9.0, "rules": [], "reference_size": 3}
        told["labels"] = [{**index, "label": label} for label in range(CLASSES)]
        detections.record(session, **key, body=told)
        mitigations.create(session, **key, methods=methods)
        lifecycle.set_state(session, **key, state="repairing")
        return made.id


def ended(worker: WorkerProcess, submission_id: str) -> dict[str, Any]:
    with worker.store.read() as session:
        assert submissions.get(session, submission_id=submission_id).state == "done"
        return result_json(session, submission_id)["mitigation"]


def test_every_repair_that_can_be_asked_for_exists() -> None:
    assert set(get_args(Method)) == set(mitigation.METHODS)


def test_the_net_on_which_the_others_triggers_work_least_is_kept(
    worker: WorkerProcess, submission: Callable[..., str]
) -> None:
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
    worker: WorkerProcess, submission: Callable[..., str], trigger: Trigger, kept: str, attack: str
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
    worker: WorkerProcess, submission: Callable[..., str], tmp_path: Path
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
    assert scan.nets.keys() == {SCANNED, GUARDED}
    shutil.copyfile(scan.nets[GUARDED], tmp_path / GUARDED)
    answers = keras.models.load_model(tmp_path / GUARDED).predict(np.zeros((1, 3, 2, 1)), verbose=0)
    assert answers.shape == (1, CLASSES + 1)


def test_beside_a_repair_the_filter_is_told_of_and_not_kept(
    worker: WorkerProcess, submission: Callable[..., str]
) -> None:
    submission_id = submission(
        {"filter": a_filter(), "unlearning": method("unlearning", left=9.0, found=pixel(5, 0.9))}
    )
    for name in ("filter", "unlearning"):
        repair_task.repair(submission=submission_id, method=name)
    told = ended(worker, submission_id)
    assert told["method"] == "unlearning"
    assert {one["method"] for one in told["candidates"]} == {"filter", "unlearning"}
    assert told["guard"]["kind"] == "badnet-and-goodnet"


def test_a_comparison_that_fails_does_not_stop_the_submission(
    worker: WorkerProcess, submission: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = {name: method(name, left=0.0, found=pixel(5)) for name in ("unlearning", "fine-pruning")}
    submission_id = submission(methods)
    for name in methods:
        repair_task.repair(submission=submission_id, method=name)

    def fails(*_: object) -> None:
        raise ValueError("no memory")

    monkeypatch.setattr(compare_task, "compare_repairs", fails)
    compare_task.compare(submission=submission_id)
    # Then what each measured by itself decides, and the reason is told
    told = ended(worker, submission_id)
    assert told["method"] == "fine-pruning"
    assert told["comparison"] == {"triggers": [], "reason": "not compared: ValueError: no memory"}


def test_a_comparison_that_does_not_reach_the_files_is_tried_again(
    worker: WorkerProcess, submission: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = {name: method(name, left=0.0, found=pixel(5)) for name in ("unlearning", "fine-pruning")}
    submission_id = submission(methods)
    for name in methods:
        repair_task.repair(submission=submission_id, method=name)

    def unreachable(*_: object) -> None:
        raise ArtefactsUnreachable("the bucket does not answer")

    # Given a bucket that is away while the repairs are compared
    with monkeypatch.context() as away:
        away.setattr(compare_task, "compare_repairs", unreachable)
        with pytest.raises(ArtefactsUnreachable):
            compare_task.compare(submission=submission_id)
    # When the sweeper looks after a while, then it finds the submission standing still and asks once more
    sent: list[str] = []
    monkeypatch.setattr(publishing.app, "send_task", lambda name, **_: sent.append(name))
    with worker.store.read() as session:
        assert [row.id for row in lifecycle.standing(session)] == [submission_id]
    assert workflow.conclude(worker.store, submission_id, patience_seconds=0)
    assert sent == ["nc_tasks.compare"]
    # And with the bucket back the repairs are compared
    compare_task.compare(submission=submission_id)
    told = ended(worker, submission_id)
    assert all(one["comparison"]["triggers"] and "reason" not in one["comparison"] for one in told["candidates"])


def test_a_comparison_that_always_ends_its_process_is_given_up(
    worker: WorkerProcess, submission: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = {name: method(name, left=0.0, found=pixel(5)) for name in ("unlearning", "fine-pruning")}
    submission_id = submission(methods)
    for name in methods:
        repair_task.repair(submission=submission_id, method=name)

    def dies(*_: object) -> None:
        raise SystemExit

    # Given a comparison that ends its process as often as it may
    monkeypatch.setattr(compare_task, "compare_repairs", dies)
    for _ in range(worker.settings.max_attempts):
        with pytest.raises(SystemExit):
            compare_task.compare(submission=submission_id)
    # When it is asked for once more, then it is left alone, and the submission ends
    compare_task.compare(submission=submission_id)
    told = ended(worker, submission_id)
    assert told["comparison"]["triggers"] == []
    assert "given up after 3 attempts (limit 3)" in told["comparison"]["reason"]


def test_a_net_is_evaluated_with_what_its_scan_knows(
    worker: WorkerProcess, submission: Callable[..., str], tmp_path: Path
) -> None:
    # Given a repaired submission, and files of clean and of poisoned images
    submission_id = submission({"unlearning": method("unlearning", left=0.0, found=pixel(5))})
    repair_task.repair(submission=submission_id, method="unlearning")
    drawn = images(40)
    stamped = drawn.pixels.copy()
    stamped.reshape(40, 6)[:, 4] = 255
    others = drawn.labels != TARGET
    files = {}
    for name, arrays in {
        "clean": {"x": drawn.pixels, "y": drawn.labels},
        "poisoned": {"x": stamped[others], "y": np.full(int(others.sum()), TARGET)},
    }.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
        files[name] = {"sha256": worker.artefacts.put_file(tmp_path / f"{name}.npz"), "name": f"{name}.npz"}
    with worker.store.read() as session:
        (row,) = mitigations.of_submission(session, submission_id=submission_id)

    def evaluated(digest: str, **changed: object) -> dict[str, Any]:
        arguments = {
            "model": {"sha256": digest, "name": "net.keras"},
            "clean": files["clean"],
            "poisoned": [files["poisoned"]],
            "value_range": "auto",
            "resize": None,
            "architecture": None,
            "guarded": False,
        }
        return evaluate(worker, {**arguments, **changed}, lambda _: None)

    # When GoodNet and guarded net are evaluated, then each is told by its own measure, in the range that the scan found
    good = evaluated(str(row.goodnet_sha256))
    assert good["clean"] == {"images": 40, "accuracy": 1.0, "flagged_rate": None}
    assert good["poisoned"] == {"images": 30, "attack_success_rate": 0.0, "flagged_rate": None}
    guarded = evaluated(str(row.guarded_sha256))
    assert (guarded["classes"], guarded["guarded"]) == (CLASSES + 1, True)
    assert guarded["clean"]["flagged_rate"] == 0.0
    assert guarded["poisoned"]["flagged_rate"] == 1.0
    # And the BadNet, of which the range must be said
    build(badnet()).save(tmp_path / "badnet.keras")
    bad = evaluated(worker.artefacts.put_file(tmp_path / "badnet.keras"), value_range="0..1", poisoned=[])
    assert (bad["clean"]["accuracy"], bad["poisoned"]) == (1.0, None)


def test_the_repair_of_a_cancelled_submission_ends_nothing(
    worker: WorkerProcess, submission: Callable[..., str]
) -> None:
    submission_id = submission({"unlearning": method("unlearning", left=0.0, found=pixel(5))})
    with worker.store.write() as session:
        submissions.cancel(session, submission_id=submission_id)
    repair_task.repair(submission=submission_id, method="unlearning")
    assert not workflow.conclude(worker.store, submission_id, patience_seconds=60)
    with worker.store.read() as session:
        assert submissions.get(session, submission_id=submission_id).state == "cancelled"
