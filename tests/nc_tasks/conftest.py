import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nc_tasks.artefacts import Artefacts
from nc_tasks.heartbeat import Heartbeat
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.worker import WorkerProcess


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerProcess]:
    """This process as a worker, on a store of its own."""
    settings = Settings(home=tmp_path)
    store = open_store(settings)
    yield WorkerProcess(
        id="host:1",
        settings=settings,
        store=store,
        artefacts=Artefacts(settings.artefacts),
        heartbeat=Heartbeat(store, worker_id="host:1", seconds=60),
        stopping=threading.Event(),
    )
    store.close()
