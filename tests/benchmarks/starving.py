"""One owner takes all that it can of the HTTP service: how soon are the submissions of another answered?

    python -m tests.benchmarks.starving [--uploads 8] [--streams 1000] [--submissions 50]

The owner begins uploads that send nothing more, and opens streams of events, each of another submission of its own as
far as it may have so many. Another owner submits meanwhile, one after the other, each with files of its own.
"""

import argparse
import re
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from nc_tasks.embedded.broker import start_broker
from nc_tasks.embedded.files import stack_files
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.rows import keys
from tests.benchmarks import record
from tests.benchmarks.uploads import service

OPENED = 100
"""Submissions of its own that the greedy owner's streams follow, at most."""
ANSWER_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Answers:
    """uploads, streams: status -> how many, None for no answer yet. seconds: of each of the other's submissions; alone:
    of some before there was anything else.
    """

    uploads: Counter[int | None]
    streams: Counter[int | None]
    seconds: Sequence[float]
    alone: Sequence[float]


def main() -> None:
    """Measure once and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=8)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--submissions", type=int, default=50)
    record.add_option(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        settings = Settings(home=Path(folder), redis_url=None, database_url=None, api_port=0)
        found = measure(settings, uploads=options.uploads, streams=options.streams, submissions=options.submissions)
    print(f"uploads {dict(found.uploads)}, streams {dict(found.streams)} (status: how many; None: waits)")
    for name, seconds in (("before", found.alone), ("meanwhile", found.seconds)):
        print(f"{name}, {len(seconds)} submissions: median {median(seconds):.3f} s, slowest {max(seconds):.3f} s")
    number = len(found.seconds)
    figures: list[list[record.Cell]] = [
        [f"uploads taken of {options.uploads} that stall", found.uploads[None]],
        [f"streams taken of {options.streams:,}", found.streams[200]],
        [f"median seconds for {number} submissions of another owner", round(median(found.seconds), 3)],
        ["most seconds for one of them", round(max(found.seconds), 3)],
    ]
    record.rows(options, "service", "One owner takes all that it can", figures)


def measure(settings: Settings, *, uploads: int, streams: int, submissions: int) -> Answers:
    """Start the service, have one owner take all that it can, and submit as another."""
    broker = start_broker(settings, stack_files(settings))
    try:
        with service(settings) as (url, _):
            greedy, other = (make_key(settings, owner) for owner in ("greedy", "other"))
            alone = [timed(url, other, number) for number in range(-5, 0)]
            ids = [submit(url, greedy, f"greedy {number}") for number in range(min(OPENED, streams // 3))]
            with opened() as connections:
                begun = [connections(url, upload_head(greedy)) for _ in range(uploads)]
                followed = [connections(url, stream_head(greedy, ids[n % len(ids)])) for n in range(streams)]
                time.sleep(3.0)  # until each has its answer, and what is watched is looked at
                seconds = [timed(url, other, number) for number in range(submissions)]
                return Answers(
                    uploads=Counter(map(status, begun)),
                    streams=Counter(map(status, followed)),
                    seconds=seconds,
                    alone=alone,
                )
    finally:
        broker.stop()


def make_key(settings: Settings, owner: str) -> str:
    """A key that submits and reads."""
    store = open_store(settings)
    with store.write() as session:
        made = keys.create(session, owner=owner, name="", scopes=["submit", "read"]).text
    store.close()
    return made


def submit(url: str, key: str, content: str) -> str:
    """Submit files of this content; the submission's id."""
    files = {"model": ("m.h5", content.encode()), "data": ("d.npz", content.encode())}
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.post(f"{url}/v1/submissions", headers=headers, files=files, timeout=ANSWER_SECONDS, trust_env=False)
    return str(answer.raise_for_status().json()["id"])


def timed(url: str, key: str, number: int) -> float:
    """Seconds until a submission is answered."""
    began = time.perf_counter()
    submit(url, key, f"other {number}")
    return time.perf_counter() - began


def upload_head(key: str) -> bytes:
    """An upload of a megabyte, of which a little comes and then nothing."""
    part = b'--x\r\nContent-Disposition: form-data; name="model"; filename="m.h5"\r\n\r\n' + bytes(1000)
    head = (
        f"POST /v1/submissions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1048576\r\n\r\n"
    )
    return head.encode() + part


def stream_head(key: str, submission_id: str) -> bytes:
    """A request for the events of a submission."""
    path = f"/v1/submissions/{submission_id}/events"
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


class Opener:
    """Opens connections that stay as they are until they are closed together."""

    def __init__(self) -> None:
        self.open: list[socket.socket] = []

    def __call__(self, url: str, head: bytes) -> socket.socket:
        """Connect and send this."""
        host, port = re.fullmatch(r"http://(.*):(\d+)", url).groups()  # type: ignore[union-attr]
        connection = socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS)
        self.open.append(connection)
        connection.sendall(head)
        return connection


@contextmanager
def opened() -> Iterator[Opener]:
    """Connections, closed at the end."""
    opener = Opener()
    try:
        yield opener
    finally:
        for connection in opener.open:
            connection.close()


def status(connection: socket.socket) -> int | None:
    """The status that has come, None where none has yet."""
    connection.setblocking(False)
    try:
        said = connection.recv(64)
    except BlockingIOError:
        return None
    found = re.match(rb"HTTP/1\.1 (\d+)", said)
    return int(found[1]) if found else None


if __name__ == "__main__":
    main()
