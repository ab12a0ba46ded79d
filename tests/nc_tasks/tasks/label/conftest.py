"""A submission whose labels are inverted, by an engine that does what the test says."""

import pytest

from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store.rows import labels, submissions
from nc_tasks.tasks import label as label_task
from nc_tasks.worker.process import WorkerProcess
from tests.nc_tasks.tasks.label.engine import Engine


@pytest.fixture
def engine(worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(label_task, "this_worker", lambda: worker)
    monkeypatch.setattr(label_task, "engine_for", engine.of)
    return engine


@pytest.fixture
def submission(worker: WorkerProcess) -> str:
    """Being inverted, with two queued labels and seed 5."""
    with worker.store.write() as session:
        made = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256="a" * 64, name="m.h5"),
                data=StoredFile(sha256="b" * 64, name="d.npz"),
                options=ScanOptions(seed=5),
            ),
        )
        made.classes = 2
        labels.create(session, submission_id=made.id, labels=range(2), round=0, updates_budget=600)
        return made.id
