import sys
from datetime import timedelta
from pathlib import Path

import keras
import numpy as np
import pytest
from sqlalchemy import update

from nc_core.quarantine.admit import admit_model
from nc_core.scanning import preparation
from nc_tasks import workflow
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import Preparation, Submission
from nc_tasks.store.recovery import expired
from nc_tasks.store.rows import lifecycle, submissions
from nc_tasks.store.tables.types import now
from nc_tasks.tasks import scan
from nc_tasks.tasks.preparation import versions
from nc_tasks.worker.inputs import uploaded
from nc_tasks.worker.process import WorkerProcess


def test_given_a_backend_then_the_versions_name_it_and_its_packages_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for backend, packages in (("tensorflow", {"tensorflow", "tensorflow-cpu"}), ("jax", {"jax", "jaxlib"})):
        monkeypatch.setattr(keras.backend, "backend", lambda backend=backend: backend)
        found = versions()
        assert found["backend"] == backend
        assert packages & set(found)
        assert set(found) - packages == {"cleanse", "python", "backend", "keras", "numpy", "celery", "h5py"}
        assert all(found.values())


@pytest.fixture
def submission(worker: WorkerProcess, tmp_path: Path) -> Submission:
    """A net that is right on its clean data, submitted."""
    image = keras.Input((6, 6, 3))
    answer = keras.layers.Dense(3, activation="softmax", name="answer")
    net = keras.Model(image, answer(keras.layers.Flatten()(image)))
    answer.set_weights([np.random.default_rng(1).normal(0, 2, shape) for shape in ((108, 3), (3,))])
    net.save(tmp_path / "net.h5")
    pixels = np.random.default_rng(2).integers(0, 256, (240, 6, 6, 3), np.uint8)
    labels = net.predict(pixels / np.float32(255), verbose=0).argmax(axis=1)
    np.savez(tmp_path / "clean.npz", x_test=pixels, y_test=labels)
    with worker.store.write() as session:
        return submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256=worker.artefacts.put_file(tmp_path / "net.h5"), name="net.h5"),
                data=StoredFile(sha256=worker.artefacts.put_file(tmp_path / "clean.npz"), name="clean.npz"),
                options=ScanOptions(value_range="0..1", mitigate=()),
            ),
        )


def test_given_a_fault_between_file_and_row_then_the_next_attempt_leaves_the_same_scanned_net(
    worker: WorkerProcess, submission: Submission, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(workflow, "begin_scan", lambda _, identity: begun.append(identity))
    monkeypatch.setattr(scan, "this_worker", lambda: worker)

    def row() -> Submission:
        with worker.store.read() as session:
            return submissions.get(session, submission_id=submission.id)

    # Given a worker that dies after it has kept its files and before their digests are written
    with monkeypatch.context() as patched:
        patched.setattr(lifecycle, "record_prepared", lambda *_, **__: sys.exit("killed"))
        with pytest.raises(SystemExit, match="killed"):
            scan.start(submission=submission.id)
    assert (row().state, row().canonical_sha256, row().scanned_sha256) == ("preparing", None, None)
    before = set(worker.artefacts.digests())
    # When its lease has run out and the sweeper has queued it again
    with worker.store.write() as session:
        session.execute(update(Preparation).values(lease_until=now(session) - timedelta(seconds=1)))
    with worker.store.write() as session:
        assert expired.requeue_expired(session, max_attempts=3) == 1
    scan.start(submission=submission.id)
    # Then the submission goes on with both nets, and no file is there that the first attempt has not made
    found = row()
    assert begun == [submission.id]
    assert set(worker.artefacts.digests()) == before
    assert found.scanned_sha256 in before
    # and the file that is handed out is the net that the labels are inverted on
    with uploaded(worker, str(found.scanned_sha256), "scanned.keras") as path:
        assert admit_model(path).save(tmp_path / "canonical") == found.canonical_sha256


def test_a_twin_that_is_cancelled_while_it_is_trained_stops_there(
    worker: WorkerProcess, submission: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "this_worker", lambda: worker)
    with worker.store.write() as session:
        row = submissions.get(session, submission_id=submission.id)
        row.options = {**row.options, "twin": 1}
    progress: list[float] = []

    def cancelled_meanwhile(done: float) -> None:
        progress.append(done)
        with worker.store.write() as session:
            submissions.cancel(session, submission_id=submission.id)
        worker.heartbeat.beat()

    # Given a twin that somebody cancels once its training has begun
    real = preparation.train_twin
    monkeypatch.setattr(
        preparation, "train_twin", lambda *what, **how: real(*what, **how, progress=cancelled_meanwhile)
    )
    scan.start(submission=submission.id)
    # Then the training ends at the next look, and the submission stays cancelled
    assert progress == [0.0]
    with worker.store.read() as session:
        found = submissions.get(session, submission_id=submission.id)
    assert (found.state, found.canonical_sha256) == ("cancelled", None)
