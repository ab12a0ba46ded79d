"""A database server that is away, and a monitor that is."""

import json
import signal
import time
from collections.abc import Iterator

import httpx
import pytest

from nc_tasks.settings import Settings
from tests.faults.conftest import running
from tests.faults.home import Home, eventually
from tests.servers import postgresql as servers
from tests.servers.postgresql import PostgreSQL

AWAY_SECONDS = 30.0


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    """A server that this test alone uses."""
    with servers.running() as server:
        yield server


@pytest.fixture
def on_server(settings: Settings, server: PostgreSQL) -> Iterator[Home]:
    with running(settings.model_copy(update={"database_url": server.database()})) as home:
        yield home


def test_a_database_server_that_is_away_for_ten_leases(on_server: Home, server: PostgreSQL) -> None:
    # Given labels that have ended, some that run and others that wait
    home = on_server
    home.script.arrange("hold", 5)
    home.script.let_each_take(0.1)
    submission = home.submit(40)
    eventually(lambda: home.states(submission).get("not_converged") and 5 in home.script.now_running())
    # When the server is gone, comes back, and what ran has ended meanwhile
    server.stop()
    time.sleep(AWAY_SECONDS / 2)
    home.script.lift("hold", 5)
    time.sleep(AWAY_SECONDS / 2)
    server.start()
    # Then every label ends, once
    home.ends(submission)


def test_a_worker_killed_where_the_database_is_a_server(on_server: Home) -> None:
    home = on_server
    home.script.arrange("hold", 3)
    submission = home.submit()
    eventually(lambda: 3 in home.script.now_running())
    home.kill("labels1")
    home.script.lift("hold", 3)
    home.ends(submission)
    assert home.rows(submission)[3].alone


def test_a_monitor_that_is_away(settings: Settings) -> None:
    with running(settings, service=("127.0.0.1", 0)) as home:
        # Given the service with Flower, and a submission at work
        eventually(lambda: settings.api_file.exists())
        url = json.loads(settings.api_file.read_text())["url"]

        def status() -> int:
            try:
                return httpx.get(f"{url}/flower/workers", trust_env=False, timeout=60).status_code
            except httpx.TransportError:
                return 0

        eventually(lambda: status() == 200)
        home.script.arrange("hold", 3)
        submission = home.submit()
        eventually(lambda: 3 in home.script.now_running())
        # When Flower is killed
        killed = home.kill("flower", signal.SIGKILL)
        # Then nobody waits for it, and it comes back
        home.script.lift("hold", 3)
        home.ends(submission)
        eventually(lambda: home.pid("flower") not in (None, killed) and status() == 200)
