"""Nets that were handed out, read again: what they are worth, and which of them needs a quarantine."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from nc_core.models import build
from nc_core.quarantine import admit
from nc_tasks.request.scan import StoredFile
from nc_tasks.store import Mitigation
from nc_tasks.store.rows import mitigations, submissions
from nc_tasks.tasks import repair as repair_task
from nc_tasks.tasks.evaluate import evaluate
from nc_tasks.worker.inputs import read_net
from nc_tasks.worker.process import WorkerProcess
from tests.nc_tasks.tasks.conftest import CLASSES, TARGET, Make, badnet, images, method, pixel


def test_a_net_is_evaluated_with_what_its_scan_knows(worker: WorkerProcess, submission: Make, tmp_path: Path) -> None:
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


def test_goodnet_and_scanned_net_are_read_without_a_quarantine_and_every_other_file_in_one(
    worker: WorkerProcess, submission: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a repaired submission
    submission_id = submission({"unlearning": method("unlearning", left=0.0, found=pixel(5))})
    repair_task.repair(submission=submission_id, method="unlearning")
    with worker.store.read() as session:
        (row,) = mitigations.of_submission(session, submission_id=submission_id)
        scanned = submissions.get(session, submission_id=submission_id)
    goodnet = StoredFile(sha256=str(row.goodnet_sha256), name="goodnet.keras")
    # When its GoodNet is read in quarantine, then that is the net that was kept
    admitted = admit.admit_model(copied(worker, goodnet, tmp_path))
    monkeypatch.setattr(admit, "run", unwanted)
    assert read_net(worker, goodnet).equals(admitted)
    ran = read_net(worker, StoredFile(sha256=str(scanned.scanned_sha256), name="scanned.keras"))
    assert ran.save(tmp_path / "ran") == scanned.canonical_sha256
    # And a file that was not written here goes the long way, as does one of an earlier version
    for digest in (row.guarded_sha256, earlier_version(worker, goodnet.sha256)):
        with pytest.raises(AssertionError, match="a quarantine was started"):
            read_net(worker, StoredFile(sha256=str(digest), name="other.keras"))


def copied(worker: WorkerProcess, file: StoredFile, folder: Path) -> Path:
    return Path(shutil.copyfile(worker.artefacts.path(file.sha256), folder / file.name))


def earlier_version(worker: WorkerProcess, digest: str) -> str:
    """Take from the GoodNet's row what an earlier version did not write."""
    with worker.store.write() as session:
        session.execute(update(Mitigation).values(canonical_sha256=None))
    return digest


def unwanted(*_: object) -> None:
    raise AssertionError("a quarantine was started")
