"""Many at once: clients that submit, watchers, bodies past the limit; against the service as a process of its own."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from nc_tasks.embedded.broker import start_broker
from nc_tasks.embedded.files import stack_files
from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.queries import listing
from nc_tasks.store.queries.listing import Filters
from nc_tasks.store.rows import keys, submissions
from tests.api.conftest import store_submission
from tests.api.service.conftest import form

LIMIT = 8 * 2**20
CLIENTS, EACH = 10, 5


@dataclass(frozen=True, kw_only=True)
class Running:
    """The service as `python -m api.web` runs it."""

    url: str
    process: psutil.Process
    settings: Settings

    @property
    def bytes(self) -> int:
        return int(self.process.memory_info().rss)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    settings = Settings(
        home=tmp_path / "home", redis_url=None, database_url=None, api_port=0, upload_bytes=LIMIT, uploads_at_once=16
    )
    broker = start_broker(settings, stack_files(settings))
    environment = {**os.environ, **settings.environment()}
    process = subprocess.Popen([sys.executable, "-P", "-m", "api.web"], env=environment)
    try:
        deadline = time.monotonic() + 60
        while not settings.api_file.exists():
            assert process.poll() is None, "the service has ended at its start"
            assert time.monotonic() < deadline, "the service did not start within 60 s"
            time.sleep(0.05)
        told = json.loads(settings.api_file.read_text())
        assert told["pid"] == process.pid
        yield Running(url=told["url"], process=psutil.Process(process.pid), settings=settings)
    finally:
        process.terminate()
        assert process.wait(20) == 0
        broker.stop()
    assert not settings.api_file.exists()


@pytest.fixture
def store(running: Running) -> Iterator[Store]:
    store = open_store(running.settings)
    yield store
    store.close()


def test_given_ten_clients_when_each_submits_five_at_once_then_none_is_lost_none_doubled_and_owners_are_apart(
    running: Running, store: Store
) -> None:
    with store.write() as session:
        made = {
            f"owner{number}": keys.create(session, owner=f"owner{number}", name="", scopes=["submit", "read"]).text
            for number in range(CLIENTS)
        }

    def submit(owner: str, model: int) -> str:
        headers = {"Authorization": f"Bearer {made[owner]}", "Idempotency-Key": f"{owner}-{model}"}
        # Each request twice, as after a broken connection; every owner has the same files.
        answers = [
            httpx.post(f"{running.url}/v1/submissions", headers=headers, timeout=60, **form(b"model %d" % model))
            for _ in range(2)
        ]
        first, second = (answer.raise_for_status().json()["id"] for answer in answers)
        assert first == second
        return str(first)

    asked = [(owner, model) for model in range(EACH) for owner in made]
    with ThreadPoolExecutor(CLIENTS) as pool:
        ids = list(pool.map(lambda each: submit(*each), asked))
    assert len(set(ids)) == CLIENTS * EACH
    with store.read() as session:
        kept = listing.page(session, filters=Filters(), limit=200).items
    assert Counter(item.submission.owner for item in kept) == dict.fromkeys(made, EACH)
    for owner, key in made.items():
        headers = {"Authorization": f"Bearer {key}"}
        seen = httpx.get(f"{running.url}/v1/submissions", headers=headers, timeout=60).json()["items"]
        assert {item["id"] for item in seen} == {each for (of, _), each in zip(asked, ids, strict=True) if of == owner}


def test_given_a_body_past_the_limit_then_413_with_memory_flat_and_nothing_left_on_disk(running: Running) -> None:
    httpx.post(f"{running.url}/v1/submissions", timeout=60, **form()).raise_for_status()
    files = {path for path in running.settings.home.rglob("*") if path.is_file()}
    before = running.bytes
    for told in (True, False):
        answer = upload(running.url, 2 * LIMIT, told=told)
        assert (answer.status_code, answer.json()["limit"]) == (413, LIMIT)
    assert running.bytes - before < LIMIT
    after = {path for path in running.settings.home.rglob("*") if path.is_file()}
    assert {path for path in after - files if "sqlite" not in path.name} == set()


def upload(url: str, size: int, *, told: bool) -> httpx.Response:
    """Send a model of this size; told: with its length in the header."""
    head = b'--x\r\nContent-Disposition: form-data; name="model"; filename="m.h5"\r\n\r\n'

    def pieces() -> Iterator[bytes]:
        yield head
        for _ in range(size // 2**16):
            yield bytes(2**16)
        yield b"\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    if told:
        headers["Content-Length"] = str(len(head) + size + 9)
    return httpx.post(f"{url}/v1/submissions", content=pieces(), headers=headers, timeout=60)


def test_given_a_client_that_vanishes_in_the_middle_then_nothing_is_left_on_disk(running: Running) -> None:
    host, port = re.fullmatch(r"http://(.*):(\d+)", running.url).groups()  # type: ignore[union-attr]
    with socket.create_connection((host, int(port))) as client:
        head = b'--x\r\nContent-Disposition: form-data; name="model"; filename="m.h5"\r\n\r\n' + bytes(3 * 2**20)
        told = b"POST /v1/submissions HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        client.sendall(told + b"Content-Length: 4194304\r\n\r\n" + head)
        until(lambda: leftovers(running.settings) == 1)
    until(lambda: leftovers(running.settings) == 0)


def leftovers(settings: Settings) -> int:
    return len(list(settings.artefacts.glob("*.tmp")))


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_given_a_hundred_watchers_then_all_see_the_end_and_the_process_stays_small(
    running: Running, store: Store, tmp_path: Path, make_result: Callable[..., Any]
) -> None:
    (tmp_path / "model.h5").write_bytes(b"model")
    (tmp_path / "data.npz").write_bytes(b"data")
    files = {"model": tmp_path / "model.h5", "data": tmp_path / "data.npz"}
    result = make_result(classes=200, infected={3: 4.0})
    identity = store_submission(running.settings, result, **files, until="prepared")
    before = sum(running.process.cpu_times()[:2])
    seen = asyncio.run(watch(f"{running.url}/v1/submissions/{identity}/events", store, identity))
    spent = sum(running.process.cpu_times()[:2]) - before
    assert len(seen) == 100
    for names, labels, end in seen:
        assert names[:2] == ["progress", "labels"]
        assert labels == 200
        assert end == {"state": "cancelled", "verdict": None}
    assert running.bytes < 200 * 2**20
    print(f"100 watchers: {running.bytes / 2**20:.0f} MiB, {spent:.1f} s of processor time")


async def watch(url: str, store: Store, identity: str) -> list[tuple[list[str], int, Any]]:
    """What a hundred watchers see of a submission that is cancelled once they are all there."""
    there = asyncio.Semaphore(0)

    async def one(client: httpx.AsyncClient) -> tuple[list[str], int, Any]:
        names, labels, data = [], 0, None
        async with client.stream("GET", url) as stream:
            async for line in stream.aiter_lines():
                field, _, text = line.partition(": ")
                if field == "event":
                    names.append(text)
                if field == "data":
                    data = json.loads(text)
                    labels = labels or (len(data) if isinstance(data, list) else 0)
                    there.release() if len(names) == 2 else None
        return names, labels, data

    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None)) as client:
        tasks = [asyncio.create_task(one(client)) for _ in range(100)]
        for _ in tasks:
            await asyncio.wait_for(there.acquire(), 60)
        with store.write() as session:
            submissions.cancel(session, submission_id=identity)
        return await asyncio.gather(*tasks)
