"""Traces, sent to a collector that the test plays."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from nc_tasks import tracing
from nc_tasks.errors import ExtraMissing
from nc_tasks.settings import Settings

PROGRAM = """
from nc_tasks.settings import get_settings
from nc_tasks.store import open_store
from nc_tasks.tracing import trace
assert trace(get_settings(), "test")
store = open_store(get_settings())
with store.read() as session:
    from nc_tasks.store.rows import jobs
    jobs.unfinished(session)
"""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a collector, and what has come there."""
    came: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", came
        server.shutdown()


def test_given_a_collector_then_what_the_process_asks_of_the_store_comes_there(
    collector: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    url, came = collector
    environment = {**os.environ, **Settings(home=tmp_path, traces_url=url).environment()}
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True)
    assert b"cleanse-test" in b"".join(came)
    assert b"FROM job" in b"".join(came)


def test_given_no_collector_then_nothing_of_it_is_loaded() -> None:
    program = (
        "import sys; from nc_tasks.tracing import trace; from nc_tasks.settings import Settings;"
        "assert not trace(Settings(), 'x'); assert not any(name.startswith('opentelemetry') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_given_no_libraries_then_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "PARTS", ("no.such.part",))
    with pytest.raises(ExtraMissing, match=r"opentelemetry\.no\.such\.part is not installed: .*'cleanse\[tracing\]'"):
        tracing.trace(Settings(traces_url="http://127.0.0.1:1"), "x")
