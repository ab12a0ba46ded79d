"""A submission whose repairs are queued, on real files; only the methods are stand-ins."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from safetensors.numpy import save

from nc_core import mitigation
from nc_core.datasets import CleanData, Images, split_images
from nc_core.detection import LabelNorm, detect
from nc_core.intake import CanonicalModel
from nc_core.inversion import Trigger
from nc_core.mitigation import Case, Repair, TargetTrigger
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.rescan import Found, Rescan
from nc_core.models import canonical_of
from nc_tasks.messages import publishing
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import LabelKey
from nc_tasks.store.rows import detections, labels, lifecycle, mitigations, preparations, submissions
from nc_tasks.tasks import compare as compare_task
from nc_tasks.tasks import repair as repair_task
from nc_tasks.views.results import result_json
from nc_tasks.worker.process import WorkerProcess

Make = Callable[..., str]

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
        preflight |= {"screening_compute": "bfloat16"}
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
