"""The OpenAPI document against the service, by schemathesis: no fault, nothing that the document does not say."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from nc_tasks.embedded.broker import start_broker
from nc_tasks.embedded.files import stack_files
from nc_tasks.settings import Settings
from nc_tasks.store import Store, Worker
from nc_tasks.store.rows import workers
from nc_tasks.store.tables.types import now
from tests.api.conftest import store_submission
from tests.api.service.conftest import MakeKey

WITHOUT_KEY = {"/healthz", "/readyz"}


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A home with a broker; nobody takes its messages."""
    found = Settings(
        home=tmp_path / "home", redis_url=None, database_url=None, requests_per_minute=10**6, open_submissions=10**6
    )
    broker = start_broker(found, stack_files(found))
    yield found
    broker.stop()


@pytest.fixture
def scanned(
    client: httpx.Client, settings: Settings, store: Store, files: tuple[Path, Path], make_result: Callable[..., Any]
) -> str:
    """A submission that is done with a repair, and workers that are heard of as long as the test takes."""
    del client
    with store.write() as session:
        for queue in ("control", "labels"):
            workers.register(session, worker_id=queue, queue=queue, pid=1, host="h", version="1", slots=1)
        session.execute(update(Worker).values(last_seen=now(session) + timedelta(hours=1)))
    model, data = files
    return store_submission(settings, make_result(classes=12, infected={3: 4.0}), model=model, data=data)


CONFIG = """
[[operations]]
# No file that it makes up is a model.
include-path = "/v1/estimate"
checks.positive_data_acceptance.enabled = false
"""
LOCAL = ("--exclude-checks", "ignored_auth", "--exclude-path", "/v1/keys")
"""Without keys none is asked for; the first one made would change that under way."""


def explore(url: str, folder: Path, *more: str) -> str:
    """What `st run` says of the service; fails where it has found something."""
    program = [str(Path(sys.executable).with_name("st")), "run", f"{url}/v1/openapi.json"]
    (folder / "schemathesis.toml").write_text(CONFIG)
    options = ["--continue-on-failure", "--no-color", "--seed", "1", *more]
    ran = subprocess.run([*program, *options], cwd=folder, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    return ran.stdout


@pytest.mark.parametrize(
    ("keys", "how"),
    [
        pytest.param(True, ("--phases", "coverage"), id="keys"),
        pytest.param(False, ("--phases", "coverage"), id="local"),
        pytest.param(True, ("--max-time", "240"), marks=pytest.mark.long, id="keys-long"),
        pytest.param(False, ("--max-time", "240"), marks=pytest.mark.long, id="local-long"),
    ],
)
def test_when_every_operation_is_explored_then_all_is_as_the_document_says(
    client: httpx.Client, scanned: str, make_key: MakeKey, tmp_path: Path, keys: bool, how: tuple[str, ...]
) -> None:
    del scanned
    header = make_key("root", "admin") if keys else {}
    who = ("-H", f"Authorization: {header['Authorization']}") if keys else LOCAL
    told = explore(str(client.base_url).rstrip("/"), tmp_path, *how, *who)
    selected, tested = (re.search(rf"{word}: +(\d+)", told) for word in ("Selected", "Tested"))
    assert selected is not None
    assert tested is not None
    assert int(tested[1]) == int(selected[1]) > 30


def test_given_keys_then_no_operation_but_health_answers_without_one(
    client: httpx.Client, scanned: str, make_key: MakeKey
) -> None:
    document = client.get("/v1/openapi.json", headers=make_key("root", "admin")).json()
    asked = [(method, path) for path, operations in document["paths"].items() for method in operations]
    answered = {path for method, path in asked if client.request(method, filled(path, scanned)).status_code != 401}
    assert answered == WITHOUT_KEY
    assert client.request("GET", "/v1/openapi.json").status_code == 401


def filled(path: str, identity: str) -> str:
    """The path with values that exist."""
    return path.replace("{id}", identity).replace("{label}", "3").replace("{sha256}", "0" * 64)
