import threading
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from nc_tasks.files import FolderArtefacts
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.worker.heartbeat import Heartbeat
from nc_tasks.worker.process import WorkerProcess
from tests.nc_tasks.submissions import Messages
from tests.servers import s3


@pytest.fixture
def database_url() -> str | None:
    """The worker's database: SQLite, unless a suite imports the fixture that is there for each kind."""
    return None


@pytest.fixture
def worker(tmp_path: Path, database_url: str | None) -> Iterator[WorkerProcess]:
    """This process as a worker, on a store of its own."""
    settings = Settings(home=tmp_path, database_url=database_url)
    store = open_store(settings)
    yield WorkerProcess(
        id="host:1",
        settings=settings,
        store=store,
        artefacts=FolderArtefacts(settings.artefacts),
        heartbeat=Heartbeat(store, report=lambda _: None, seconds=60, idle_seconds=60),
        stopping=threading.Event(),
    )
    store.close()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3-compatible server that is started for this run of tests."""
    with s3.running(tmp_path_factory.mktemp("s3") / "server.log") as url:
        yield url


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of files in a new bucket, which this process may use."""
    from nc_tasks.files.s3 import s3_client

    for name, value in {**s3.CREDENTIALS, "AWS_ENDPOINT_URL_S3": s3_server}.items():
        monkeypatch.setenv(name, value)
    name = f"cleanse-{token_hex(6)}"
    s3_client("a test").create_bucket(Bucket=name)
    return f"s3://{name}/files"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Messages:
    """Messages are noted instead of sent."""
    return Messages(monkeypatch)
