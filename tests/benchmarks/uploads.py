"""Large bodies sent to the HTTP service: what is answered, how much memory it takes, what stays on the disk.

    python -m tests.benchmarks.uploads [--limit 512] [--past 1024]

A body past the limit is sent twice, with its length told and without; then one below it is kept. Sizes in MiB.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from nc_tasks.settings import Settings
from tests.benchmarks import record

MIB = 2**20
HEAD = b'--x\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n'
END = b"\r\n--x--\r\n"
START_SECONDS = 60.0


def main() -> None:
    """Send the bodies and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=512)
    parser.add_argument("--past", type=int, default=1024)
    record.add_option(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        settings = Settings(home=Path(folder), database_url=None, api_port=0, upload_bytes=options.limit * MIB)
        with service(settings) as (url, process):
            bodies = ((options.past, True), (options.past, False), (options.limit - 1, True))
            figures = [report(settings, url, process, size * MIB, told) for size, told in bodies]
    record.rows(options, "service", "Large uploads", figures, note=f"a limit of {options.limit} MiB")


def report(settings: Settings, url: str, process: psutil.Process, size: int, told: bool) -> list[record.Cell]:
    """Send one body and print what came of it; returns a row of the table in the documents."""
    before, began = process.memory_info().rss, time.perf_counter()
    with peak(process) as seen, httpx.Client(timeout=600) as client:
        answer = client.post(f"{url}/v1/submissions", content=pieces(size), headers=headers(size, told))
    seconds = time.perf_counter() - began
    kept = sum(path.stat().st_size for path in settings.artefacts.rglob("*") if path.is_file())
    print(
        f"{size / MIB:.0f} MiB, length {'told' if told else 'not told'}: {answer.status_code} after {seconds:.1f} s; "
        f"memory {before / MIB:.0f} MiB, at most {max(seen) / MIB:.0f} MiB; on the disk {kept / MIB:.0f} MiB",
        flush=True,
    )
    memory = [round(before / MIB), round(max(seen) / MIB)]
    return [
        f"{size / MIB:.0f} MiB, length {'told' if told else 'not told'}",
        answer.status_code,
        round(seconds),
        *memory,
    ]


def pieces(size: int) -> Iterator[bytes]:
    """The body: a model of this size and data of one byte."""
    yield HEAD % (b"model", b"m.h5")
    piece = os.urandom(MIB)
    for _ in range(size // MIB):
        yield piece
    yield b"\r\n" + HEAD % (b"data", b"d.npz") + b"d" + END


def headers(size: int, told: bool) -> dict[str, str]:
    """Of the request; told: with its length."""
    length = len(HEAD % (b"model", b"m.h5")) + size + 2 + len(HEAD % (b"data", b"d.npz")) + 1 + len(END)
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    return {**kind, "Content-Length": str(length)} if told else kind


@contextmanager
def peak(process: psutil.Process) -> Iterator[list[int]]:
    """Bytes of memory of the process, looked at every few milliseconds."""
    seen, over = [process.memory_info().rss], threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            seen.append(process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    yield seen
    over.set()
    thread.join()


@contextmanager
def service(settings: Settings) -> Iterator[tuple[str, psutil.Process]]:
    """The service as a process of its own."""
    environment = {**os.environ, **settings.environment()}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-P", "-m", "api.web"], env=environment, **quiet)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not settings.api_file.exists():
            assert process.poll() is None, "the service has ended at its start"
            assert time.monotonic() < deadline, f"the service did not start within {START_SECONDS:.0f} s"
            time.sleep(0.05)
        url = json.loads(settings.api_file.read_text())["url"]
        httpx.get(f"{url}/healthz", timeout=START_SECONDS).raise_for_status()
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
