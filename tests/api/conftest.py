"""Fabricated scans as fixtures, and stored by the store's own functions."""

import io
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy.orm import Session

from nc_core.datasets import CleanData, Images, split_images
from nc_core.intake.read import read_open_model
from nc_core.results.triggers import TriggerArrays
from nc_tasks.files import FolderArtefacts
from nc_tasks.files.triggers import FreshTriggersFile, TriggerFile
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import LabelKey, open_store
from nc_tasks.store.rows import detections, labels, lifecycle, mitigations, submissions
from tests.api.fabricated import (
    SIDE,
    Evidenced,
    fabricate_evidence,
    fabricate_examples,
    fabricate_result,
    fabricate_triggers,
)
from tests.differential.onnx.graphs import Graph


@pytest.fixture
def make_result() -> Callable[..., dict[str, Any]]:
    return fabricate_result


@pytest.fixture
def with_evidence() -> Evidenced:
    return fabricate_evidence


@pytest.fixture
def make_triggers() -> Callable[..., TriggerArrays]:
    return fabricate_triggers


@pytest.fixture
def examples() -> Images:
    return fabricate_examples()


def store_submission(
    settings: Settings,
    result: dict[str, Any],
    *,
    model: Path,
    data: Path,
    triggers: TriggerArrays | None = None,
    until: str = "done",
) -> str:
    """Bring a submission of these files as far as `until`, by the store's own functions; returns its id."""
    artefacts, store = FolderArtefacts(settings.artefacts), open_store(settings)
    with store.write() as session:
        submission = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256=artefacts.put_file(model), name=model.name),
                data=StoredFile(sha256=artefacts.put_file(data), name=data.name),
                options=ScanOptions(),
            ),
        )
    identity = submission.id
    for step in STEPS[: STEPS.index(until) + 1]:
        with store.write() as session:
            FILL[step](session, identity, result, artefacts, triggers or fabricate_triggers(result))
    store.close()
    return identity


def _fill_prepared(
    session: Session, identity: str, result: dict[str, Any], artefacts: FolderArtefacts, _: TriggerArrays
) -> None:
    examples = fabricate_examples(count=64)
    clean = CleanData(images=examples, split=split_images(len(examples), 0))
    with tempfile.TemporaryDirectory() as folder:
        digest = clean.save(Path(folder) / "clean")
        artefacts.put_file(Path(folder) / "clean")
    lifecycle.set_state(session, submission_id=identity, state="preparing")
    lifecycle.record_prepared(
        session,
        submission_id=identity,
        canonical_sha256=artefacts.put_bytes(canonical_net()),
        scanned_sha256=artefacts.put_bytes(b"scanned"),
        clean_data_sha256=digest,
        preflight=result["preflight"],
        slots=result["slots"],
        labels_total=len(result["labels"]),
        versions=result["versions"],
        **{name: result["model"][name] for name in ("classes", "input_shape", "parameters")},
    )
    numbers = [row["label"] for row in result["labels"]]
    labels.create(session, submission_id=identity, labels=numbers, round=0, updates_budget=400)
    lifecycle.set_state(session, submission_id=identity, state="inverting")


def _fill_labels(
    session: Session, identity: str, result: dict[str, Any], artefacts: FolderArtefacts, triggers: TriggerArrays
) -> None:
    for row in result["labels"]:
        key = LabelKey(submission_id=identity, label=row["label"], round=0)
        attempt = labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3)
        assert attempt is not None
        found = triggers.of(row["label"])
        digest = None if found is None else artefacts.put_bytes(TriggerFile(mask=found[0], pattern=found[1]).to_bytes())
        figures = {name: row[name] for name in ("state", "updates", "norm", "norms", "attack_success_rate", "seconds")}
        figures |= {"gradient_images": 32 * row["updates"], "trigger_sha256": digest}
        figures |= {"evidence": row["evidence"]}
        labels.finish(session, key=key, attempt=attempt, **figures)


def _fill_detection(
    session: Session, identity: str, result: dict[str, Any], _: FolderArtefacts, __: TriggerArrays
) -> None:
    """As detected: who follows is not known yet."""
    names = ("verdict", "reason", "anomaly_index", "log_z", "p_value", "threshold")
    body = {name: result[name] for name in (*names, "rules", "reference_size", "not_covered")}
    body["labels"] = [{**row, "flagged": row["flagged"] or row["follower"]} for row in result["labels"]]
    body["flagged_labels"] = detected_in(result)
    body["evidence"] = result.get("evidence", [])
    detections.record(session, submission_id=identity, body=body)
    if result["mitigation"] is not None:
        methods = [one["method"] for one in result["mitigation"]["candidates"]]
        mitigations.create(session, submission_id=identity, methods=methods)
        lifecycle.set_state(session, submission_id=identity, state="repairing")


def detected_in(result: dict[str, Any]) -> list[int]:
    """The labels that the detection has flagged, followers among them."""
    return sorted([*result["flagged_labels"], *result["followers"]])


def _fill_end(
    session: Session, identity: str, result: dict[str, Any], artefacts: FolderArtefacts, triggers: TriggerArrays
) -> None:
    """Every repair has made its own nets, and reversed for the flagged labels what the scan has."""
    mitigation = result["mitigation"]
    for body in mitigation["candidates"] if mitigation else ():
        which: dict[str, Any] = {"submission_id": identity, "method": body["method"]}
        attempt = mitigations.claim(session, **which, worker_id="w", lease_seconds=60, max_attempts=3)
        assert attempt is not None
        target = np.array(detected_in(result), np.int32)
        found = [triggers.of(label) or pytest.fail("no trigger") for label in target]
        fresh = FreshTriggersFile(
            target=target, triggers=[TriggerFile(mask=mask, pattern=pattern) for mask, pattern in found]
        ).to_bytes()
        kept = body["method"] == mitigation["method"]
        whose = b"" if kept else body["method"].encode()
        made = {
            "goodnet_sha256": artefacts.put_bytes(b"goodnet" + whose),
            "canonical_sha256": artefacts.put_bytes(canonical_net()),
            "guarded_sha256": artefacts.put_bytes(b"guarded" + whose),
            "guarded_canonical_sha256": artefacts.put_bytes(canonical_net(44)),
            "triggers_sha256": artefacts.put_bytes(fresh),
        }
        mitigations.finish(session, **which, attempt=attempt, state="done", body=body, **made)
        if kept:
            mitigations.keep(session, **which)
    lifecycle.set_state(session, submission_id=identity, state="done")


@cache
def canonical_net(classes: int = 43) -> bytes:
    """A small net in the form that workers keep, which arrived as ONNX: `pixel_values` (n, 3, 32, 32)."""
    graph = Graph(17, (3, SIDE, SIDE), "n")
    graph.image = "pixel_values"
    means = graph.op("GlobalAveragePool", graph.conv(graph.image, 3, 4))
    file = graph.file(graph.gemm(graph.op("Flatten", means), 4, classes))
    kept = io.BytesIO()
    read_open_model(io.BytesIO(file), name="net.onnx").write(kept)
    return kept.getvalue()


FILL: dict[str, Callable[..., None]] = {
    "prepared": _fill_prepared,
    "labels": _fill_labels,
    "detection": _fill_detection,
    "done": _fill_end,
}
STEPS = list(FILL)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A model and a data file; nobody looks into them before a worker does."""
    model, data = tmp_path / "traffic_signs.h5", tmp_path / "clean.npz"
    model.write_bytes(b"model")
    data.write_bytes(b"data")
    return model, data


@pytest.fixture
def stored(settings: Settings, files: tuple[Path, Path]) -> Callable[..., str]:
    """Stores a fabricated scan of `files` as far as wanted."""
    return lambda result, **how: store_submission(settings, result, model=files[0], data=files[1], **how)
