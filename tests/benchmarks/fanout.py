"""What the fan-out costs: a round of labels whose inversion is over at once, on the real broker, workers and store.

    python -m tests.benchmarks.fanout [--labels 1000 10000] [--workers 2] [--slots 4]

Starts an embedded stack (broker on a unix socket, one control worker, label workers with a thread per slot) under a
temporary home, as `cleanse run` does, and sends one submission through a round for each number of labels, after a
small one that is not timed: it opens what is opened once. A round counts from its begin in the control worker until
its detection stands in the store. All processes end with the benchmark.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from nc_core.profiles import SLOTS_ON_CPU
from nc_tasks.embedded.broker import find_broker
from nc_tasks.embedded.client import Stack, attach, down
from nc_tasks.embedded.processes import wait_until
from nc_tasks.messages.app import make_app
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.rows import detections, labels, lifecycle, preparations, submissions
from nc_tasks.views.results import result_json
from tests.benchmarks import record
from tests.benchmarks.fanout_worker import BEGUN, CALLBACK, CONTROL, FIRST, GREW
from tests.benchmarks.peak import memory, restart_peak

SUPERVISOR = (sys.executable, "-P", "-m", "tests.benchmarks.fanout_stack")
WARM_LABELS = 100
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One round. Seconds from its begin to the first label's engine, the last message sent, the detection recorded.

    grew, read: bytes that the tasks of the control queue, and reading the whole result, took beyond what was held.
    used: processor time (s) of all processes.
    """

    labels: int
    first: float
    published: float
    seconds: float
    grew: dict[str, int]
    read: int
    used: float = 0.0

    @property
    def each(self) -> float:
        """Milliseconds per label."""
        return 1000 * self.seconds / self.labels


def prepared(store: Store, count: int, **options: Any) -> str:
    """A submission of `count` classes whose preparation has ended. options: of the scan, beside one round."""
    with store.write() as session:
        made = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256=f"{count:064x}", name="model.keras"),
                data=StoredFile(sha256="d" * 64, name="clean.npz"),
                options=ScanOptions(mitigate=(), profile="thorough", **options),
            ),
        )
        attempt = preparations.claim(
            session, submission_id=made.id, worker_id="benchmark", lease_seconds=60, max_attempts=1
        )
        assert attempt is not None
        preparations.finish(session, submission_id=made.id, attempt=attempt)
        lifecycle.record_prepared(
            session,
            submission_id=made.id,
            canonical_sha256="c" * 64,
            scanned_sha256="5" * 64,
            clean_data_sha256="d" * 64,
            classes=count,
            input_shape=(32, 32, 3),
            parameters=1,
            preflight={},
            slots=8,
            labels_total=count,
            versions={},
        )
        return made.id


def measure(settings: Settings, store: Store, stack: Stack, count: int) -> Cost:
    """Send one submission through its round and wait for the detection."""
    submission_id = prepared(store, count)
    app = make_app(settings.model_copy(update={"redis_url": stack.broker_url}))
    app.send_task("nc_tasks.benchmark_begin", kwargs={"submission": submission_id}, queue="control", ignore_result=True)
    home = settings.home
    notes = (home / GREW / f"{CALLBACK}-{submission_id}", home / BEGUN / submission_id)
    if not wait_until(lambda: all(n.exists() for n in notes) and ended(store, submission_id), PATIENCE_SECONDS):
        raise SystemExit(f"{count} labels did not end within {PATIENCE_SECONDS:.0f} s; logs: {settings.logs}")
    with store.read() as session:
        found = detections.get(session, submission_id=submission_id)
        counted = labels.counts(session, submission_id=submission_id, round=0)
    assert found is not None
    assert counted.states == {"not_converged": count}, counted.states
    before = restart_peak()
    with store.read() as session:
        rows = len(result_json(session, submission_id)["labels"])
    assert rows == count
    begun, published = map(float, (home / BEGUN / submission_id).read_text().split())
    return Cost(
        labels=count,
        first=min(float(file.read_text()) for file in (home / FIRST).glob(f"{submission_id}-*")) - begun,
        published=published - begun,
        seconds=found.created_at.timestamp() - begun,
        grew={name: int((home / GREW / f"{name}-{submission_id}").read_text()) for name in CONTROL},
        read=memory("VmHWM") - before,
    )


def ended(store: Store, submission_id: str) -> bool:
    """Whether the submission has ended."""
    with store.read() as session:
        return submissions.get(session, submission_id=submission_id).state == "done"


def seconds_used(settings: Settings, stack: Stack) -> dict[str, float]:
    """Processor time (s) so far of every worker with its pool, and of the broker."""
    used = {name: sum(sum(p.cpu_times()[:2]) for p in processes) for name, processes in workers_of(stack).items()}
    broker = find_broker(settings)
    assert broker is not None
    return {**used, "broker": sum(psutil.Process(broker.pid).cpu_times()[:2])}


def memory_held(stack: Stack) -> dict[str, int]:
    """Resident memory (bytes) of every label worker."""
    found = workers_of(stack)
    return {name: sum(memory("VmRSS", p.pid) for p in found[name]) for name in found if name != "control"}


def workers_of(stack: Stack) -> dict[str, list[psutil.Process]]:
    """Every worker with the processes of its pool."""
    parents = {child.name: psutil.Process(child.pid) for child in stack.state().children if child.pid is not None}
    return {name: [parent, *parent.children()] for name, parent in parents.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--labels", type=int, nargs="*", default=[1000, 10000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--slots", type=int, default=SLOTS_ON_CPU)
    record.add_option(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cleanse-fanout-") as folder:
        # The sweeper would find the submission and begin it before its clock runs.
        settings = Settings(
            home=Path(folder), redis_url=None, database_url=None, warm_up=False, sweep_seconds=PATIENCE_SECONDS
        )
        try:
            costs = run(settings, given.labels, given.workers, given.slots)
        finally:
            down(settings)
    note = f"label workers: {given.workers}; inversions of no work"
    record.rows(given, "service", "The fan-out alone", figures(costs[0], costs[-1]), note=note)


def figures(few: Cost, many: Cost) -> list[list[record.Cell]]:
    """Rows of the documents' table: the larger count, and what a label of it takes beside one of the smaller."""
    each = f"{many.labels:,} labels"
    return [
        [f"seconds for {each}", round(many.seconds, 1)],
        ["seconds until the first label", round(many.first, 1)],
        ["milliseconds a label", round(many.each, 1)],
        [f"the same, as a multiple of that of {few.labels:,} labels", round(many.each / few.each, 2)],
        ["processor time a label, all processes, milliseconds", round(1000 * many.used / many.labels, 1)],
        [f"memory more for the callback of {each}, MiB", round(many.grew[CALLBACK] / 2**20)],
        ["memory more for reading the result, MiB", round(many.read / 2**20)],
    ]


def run(settings: Settings, counts: list[int], workers: int, slots: int) -> list[Cost]:
    """Print what each count takes, and return it."""
    store = open_store(settings)
    with attach(settings, workers=workers, slots=slots, supervisor=SUPERVISOR) as stack:
        measure(settings, store, stack, WARM_LABELS)
        costs = []
        for count in counts:
            used, held = seconds_used(settings, stack), memory_held(stack)
            cost = measure(settings, store, stack, count)
            now = seconds_used(settings, stack)
            costs.append(replace(cost, used=sum(now[name] - used[name] for name in now)))
            spent = {name: 1000 * (now[name] - used[name]) / count for name in now}
            print(
                f"{count} labels, {workers} workers of {slots} threads: first label after {cost.first:.2f} s, "
                f"all messages sent after {cost.published:.1f} s, detection after {cost.seconds:.1f} s: "
                f"{cost.each:.2f} ms a label"
            )
            print(f"    processor time a label: {sum(spent.values()):.2f} ms ({listed(spent, '.2f')})")
            grew = {name: size / 2**20 for name, size in {**cost.grew, "reading the result": cost.read}.items()}
            print(f"    memory that the work took, MiB: {listed(grew, '.1f')}")
            grown = {name: (size - held[name]) / 2**20 for name, size in memory_held(stack).items() if name in held}
            print(f"    memory that workers hold more than before, MiB: {listed(grown, '.1f')}")
    if len(costs) > 1:
        first, last = costs[0], costs[-1]
        print(f"a label of {last.labels} takes {last.each / first.each:.2f} times that of one of {first.labels}")
    store.close()
    return costs


def listed(values: dict[str, float], form: str) -> str:
    return ", ".join(f"{name} {value:{form}}" for name, value in values.items())


if __name__ == "__main__":
    main()
