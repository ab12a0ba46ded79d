"""A store with a long history, asked over HTTP: how long answers take, and how much memory the service does.

    python -m tests.benchmarks.history [--submissions 2000] [--labels 250000] [--watchers 100] [--asks 100]

Everything is made up and nothing is scanned. One submission in twenty has 1283 labels, the others share the rest.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import insert

from nc_tasks.request.options import ScanOptions
from nc_tasks.settings import Settings
from nc_tasks.store import Detection, FlaggedLabel, Label, Store, Submission, open_store
from nc_tasks.store.tables.types import now
from tests.benchmarks import record

MANY = 1283
FILTER = "list by "
VERDICTS = ("clean", "clean", "clean", "backdoored", "inconclusive")
START_SECONDS = 60.0
WATCH_SECONDS = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=2000)
    parser.add_argument("--labels", type=int, default=250_000)
    parser.add_argument("--watchers", type=int, default=100)
    parser.add_argument("--asks", type=int, default=100)
    record.add_option(parser)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), api_port=0, requests_per_minute=10**9)
        began = time.monotonic()
        many = fill(settings, asked.submissions, asked.labels)
        size = (settings.home / "cleanse.sqlite").stat().st_size / 2**20
        print(f"{asked.submissions:,} submissions, {asked.labels:,} labels: {size:.0f} MiB", end="")
        print(f", made in {time.monotonic() - began:.0f} s")
        with serving(settings) as (url, process):
            print(f"{'milliseconds':44} median      95%      max  of a processor")
            slow = {name: measure(url, process, name, addresses, asked.asks) for name, addresses in asks(many).items()}
            print(f"the service: {memory(process):.0f} MiB")
            asyncio.run(watch(settings, url, process, asked.watchers))
    note = f"{asked.submissions:,} submissions, {asked.labels:,} labels, one request after the other"
    record.rows(asked, "service", "A long history over HTTP", figures(slow), note=note)


def figures(slow: dict[str, float]) -> list[list[record.Cell]]:
    """Rows of the documents' table: of the filters, which are many, the fastest and the slowest."""
    filters = [slow[name] for name in slow if name.startswith(FILTER)]
    rows = {"filters, fastest": min(filters), "filters, slowest": max(filters)}
    rows |= {name: slow[name] for name in slow if not name.startswith(FILTER)}
    return [[name, round(milliseconds)] for name, milliseconds in rows.items()]


def fill(settings: Settings, submissions: int, labels: int) -> list[str]:
    """Make the history; returns the ids of those with `MANY` labels."""
    store = open_store(settings)
    draw = random.Random(0)
    many = submissions // 20
    few, left = divmod(labels - many * MANY, submissions - many)
    found = []
    for number in range(submissions):
        count = MANY if number < many else few + (number - many < left)
        # A prime step spreads the large ones over the pages of the list.
        add(store, draw, number * 7919 % submissions, count)
        found += [identity(number * 7919 % submissions)] if number < many else []
    store.close()
    return found


def identity(number: int) -> str:
    return f"{number:012x}"


def add(store: Store, draw: random.Random, number: int, count: int) -> None:
    """One submission that is done; its labels were screened and inverted as in a scan of so many."""
    verdict = draw.choice(VERDICTS)
    flagged = [draw.randrange(count)] if verdict == "backdoored" else []
    key = {"submission_id": identity(number)}
    norms = [draw.lognormvariate(3.6, 0.24) for _ in range(count)]
    with store.write() as session:
        moment = now(session) - timedelta(hours=number)
        session.execute(insert(Submission), [submission_row(number, count, moment)])
        session.execute(insert(Label), [label_row(key, label, norms[label]) for label in range(count)])
        smallest = min(range(count), key=norms.__getitem__)
        summary = {"smallest_label": smallest, "smallest_norm": norms[smallest], "label_states": {"done": count}}
        body = detection_body(verdict, flagged, count)
        told = {"verdict": verdict, "reason": "made up", "p_value": 0.2, "body": body, "created_at": moment}
        session.execute(insert(Detection), [{**key, **summary, **told}])
        if flagged:
            session.execute(insert(FlaggedLabel), [{**key, "label": label} for label in flagged])


def submission_row(number: int, count: int, moment: Any) -> dict[str, Any]:
    preflight = {"scale": [1 / 255] * 3, "offset": [0.0] * 3, "value_range": "0..1", "ambiguous": False}
    preflight |= {"layout": "x_test", "clean_accuracy": 0.95, "labelled": True, "warnings": []}
    return {
        "id": identity(number),
        "key": f"{number:064x}",
        "generation": 0,
        "state": "done",
        "model_sha256": f"{number // 3:064x}",
        "model_name": f"team{number % 17}/net{number}.keras",
        "data_sha256": f"{number % 5:064x}",
        "data_name": f"clean{number % 5}.npz",
        "poisoned": [],
        "options": ScanOptions(profile="thorough").model_dump(mode="json"),
        "classes": count,
        "input_shape": [55, 47, 3],
        "parameters": 601_643,
        "preflight": preflight,
        "slots": 8,
        "labels_total": count,
        "versions": {},
        "created_at": moment,
        "started_at": moment,
        "inverting_at": moment,
        "finished_at": moment,
    }


def label_row(key: dict[str, Any], label: int, norm: float) -> dict[str, Any]:
    found = {"norm": norm, "norms": [norm], "attack_success_rate": 0.99, "seconds": 1.0, "gradient_images": 9600}
    work = {"state": "done", "attempt": 1, "updates": 300, "updates_budget": 600}
    return {**key, "label": label, "round": 0, **work, **found, "trigger_sha256": f"{label:064x}"}


def detection_body(verdict: str, flagged: Sequence[int], count: int) -> dict[str, Any]:
    entries = [
        {
            "label": label,
            "anomaly_index": 1.0 + label / count,
            "log_z": 1.0 - label / count,
            "flagged": label in flagged,
            "rules": [],
        }
        for label in range(count)
    ]
    figures = {"anomaly_index": 1.0, "log_z": 1.0, "p_value": 0.2, "threshold": 0.05, "reference_size": count}
    texts: dict[str, Any] = {"reason": "made up", "rules": ["made up"], "not_covered": []}
    return {"verdict": verdict, "flagged_labels": list(flagged), **figures, **texts, "labels": entries}


@contextmanager
def serving(settings: Settings) -> Iterator[tuple[str, psutil.Process]]:
    """The service as a process of its own; its address."""
    command = [sys.executable, "-m", "api.web"]
    process = subprocess.Popen(command, env={**os.environ, **settings.environment()}, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not settings.api_file.exists():
            assert process.poll() is None, "the service has ended at its start"
            assert time.monotonic() < deadline, "the service does not start"
            time.sleep(0.1)
        url = json.loads(settings.api_file.read_text())["url"]
        httpx.get(f"{url}/healthz", trust_env=False, timeout=START_SECONDS)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def asks(many: Sequence[str]) -> dict[str, list[str]]:
    """What is asked for: a name, and the addresses that are asked in turn."""
    listed = "/v1/submissions?limit=50"
    return {
        "list": [listed],
        f"{FILTER}state": [f"{listed}&state=done"],
        f"{FILTER}verdict": [f"{listed}&verdict=inconclusive"],
        f"{FILTER}flagged label": [f"{listed}&flagged_label={label}" for label in range(40)],
        f"{FILTER}model": [f"{listed}&model_sha256={number:064x}" for number in range(40)],
        f"{FILTER}data, on the page": [f"/?data_sha256={number:064x}" for number in range(5)],
        f"{FILTER}text": [f"{listed}&text=net{number}" for number in range(40)],
        f"{FILTER}text that nothing has": [f"{listed}&text=nothing"],
        "page: list": ["/"],
        "page: history": ["/history?days=90"],
        f"a submission of {MANY} labels": [f"/v1/submissions/{each}" for each in many],
        "its labels": [f"/v1/submissions/{each}/labels" for each in many],
        f"page: a submission of {MANY} labels": [f"/submissions/{each}" for each in many],
        "page: two such submissions side by side": [f"/compare?id={left}&id={right}" for left, right in pairwise(many)],
    }


def measure(url: str, process: psutil.Process, name: str, addresses: Sequence[str], number: int) -> float:
    """Ask so many times, one after the other over one connection, and print how long it took.

    Returns milliseconds, 95 of 100 answers took less.
    """
    taken, used = [], seconds_of(process)
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        client.get("/healthz")
        for each in range(number):
            began = time.perf_counter()
            answer = client.get(addresses[each % len(addresses)])
            taken.append(1000 * (time.perf_counter() - began))
            assert answer.status_code == 200, (name, answer.status_code, answer.text[:200])
    centiles, used = statistics.quantiles(taken, n=20), 1000 * (seconds_of(process) - used) / number
    print(f"{name:44} {statistics.median(taken):6.1f} {centiles[-1]:8.1f} {max(taken):8.1f} {used:8.1f}", flush=True)
    return centiles[-1]


def seconds_of(process: psutil.Process) -> float:
    """Seconds of a processor that the process has had."""
    times = process.cpu_times()
    return float(times.user + times.system)


def memory(process: psutil.Process) -> float:
    """What the process has to itself and shares, in MiB."""
    return float(process.memory_info().rss / 2**20)


async def watch(settings: Settings, url: str, process: psutil.Process, watchers: int) -> None:
    """So many follow one scan of `MANY` labels at once, while its labels end one by one."""
    store = open_store(settings)
    identity = await asyncio.to_thread(begin, store)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, limits=limits) as client:
        counts = [0] * watchers
        tasks = [asyncio.create_task(follow(client, identity, counts, number)) for number in range(watchers)]
        peak, used = 0.0, seconds_of(process)
        for label in range(int(WATCH_SECONDS * 10)):
            await asyncio.to_thread(end_label, store, identity, label)
            await asyncio.sleep(0.1)
            peak = max(peak, memory(process))
        share = (seconds_of(process) - used) / WATCH_SECONDS
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    store.close()
    told = f"{watchers} watchers of one scan for {WATCH_SECONDS:g} s: {min(counts)} to {max(counts)} events each, "
    print(f"{told}{100 * share:.0f}% of a processor, {peak:.0f} MiB at most")


def begin(store: Store) -> str:
    """A scan under way, all of whose labels wait."""
    with store.write() as session:
        row = submission_row(10**6, MANY, now(session)) | {"state": "inverting", "finished_at": None}
        session.execute(insert(Submission), [row])
        key = {"submission_id": row["id"]}
        waiting = [{**key, "label": label, "round": 0, "updates_budget": 600} for label in range(MANY)]
        session.execute(insert(Label), waiting)
    return str(row["id"])


def end_label(store: Store, submission_id: str, label: int) -> None:
    with store.write() as session:
        row = session.get_one(Label, (submission_id, label, 0))
        row.state, row.norm, row.updates = "done", 30.0, 300


async def follow(client: httpx.AsyncClient, submission_id: str, counts: list[int], number: int) -> None:
    """Read events until cancelled, and count them."""
    async with client.stream("GET", f"/v1/submissions/{submission_id}/events") as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            counts[number] += line.startswith("event:")


if __name__ == "__main__":
    main()
