"""Several hosts: what more label workers bring, what a label costs, and a host that is cut off.

    python -m tests.benchmarks.scaleout [--workers 1 2 4] [--submissions 50] [--seconds 0.2]
                                        [--labels 1000 10000 100000] [--record]

PostgreSQL, Valkey and an S3 server run as processes on one host, with sweeper and control worker, and each label worker
on a host of its own: hosts are network namespaces of this machine with addresses of their own, which takes root and
the program ip. Inversions are simulated. First many submissions of 43 labels, each of which waits --seconds, with
so many workers; the same once more, while one host is cut off midway; then one submission for each number of --labels
of no work, for what a label costs. All processes and hosts end with the benchmark.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from nc_tasks.embedded.processes import wait_until
from nc_tasks.store import Label, Submission
from nc_tasks.store.tables.states import LABEL_ENDS
from tests.benchmarks import record
from tests.benchmarks.fanout import prepared
from tests.benchmarks.scaleout_hosts import Cluster, running
from tests.faults.hosts import NoHosts

CLASSES = 43
PATIENCE_SECONDS = 3600.0
POLL_SECONDS = 0.2
WARM_LABELS = 64
"""For each worker, before anything is timed."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One or many submissions. seconds: until all have ended. spent: processor seconds by process. callbacks:
    processor seconds of what follows a round. grew: bytes more that the process of this name holds.
    """

    labels: int
    seconds: float
    spent: dict[str, float]
    callbacks: float
    grew: dict[str, int]


class Bench:
    """Submissions of made-up nets on a running cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self._made = cluster, 0

    def send(self, labels: int, *, submissions: int = 1, midway: Callable[[], None] | None = None) -> Cost:
        """So many submissions of so many labels each, which the sweeper finds. midway: called once half are over."""
        spent, held, begin = self.cluster.spent(), self.cluster.held(), time.monotonic()
        ids = [self._submit(labels) for _ in range(submissions)]
        if midway is not None:
            self._wait(ids, lambda: 2 * self._ended_labels(ids) > labels * submissions)
            midway()
        self._wait(ids, lambda: self._ended(ids) == len(ids))
        seconds = time.monotonic() - begin
        if (states := self._states(ids)) != {"not_converged": labels * submissions}:
            raise SystemExit(f"labels have ended otherwise: {states}")
        after, now = self.cluster.spent(), self.cluster.held()
        return Cost(
            labels=labels * submissions,
            seconds=seconds,
            spent={name: after[name] - spent.get(name, 0.0) for name in after},
            callbacks=sum(self.cluster.callback_seconds(one) for one in ids),
            grew={name: now[name] - held.get(name, 0) for name in now},
        )

    def _submit(self, labels: int) -> str:
        self._made += 1
        return prepared(self.cluster.store, labels, seed=self._made)

    def _wait(self, ids: list[str], over: Callable[[], bool]) -> None:
        def looked() -> bool:
            time.sleep(POLL_SECONDS)
            return over()

        if not wait_until(looked, PATIENCE_SECONDS):
            raise SystemExit(f"not ended within {PATIENCE_SECONDS:.0f} s: {self._states(ids)}")

    def _ended(self, ids: list[str]) -> int:
        asked = select(func.count()).where(Submission.id.in_(ids), Submission.state == "done")
        with self.cluster.store.read() as session:
            return int(session.scalars(asked).one())

    def _ended_labels(self, ids: list[str]) -> int:
        return sum(count for state, count in self._states(ids).items() if state in LABEL_ENDS)

    def _states(self, ids: list[str]) -> dict[str, int]:
        asked = select(Label.state, func.count()).where(Label.submission_id.in_(ids)).group_by(Label.state)
        with self.cluster.store.read() as session:
            return {str(state): int(count) for state, count in session.execute(asked)}


def more_workers(bench: Bench, given: argparse.Namespace) -> list[list[record.Cell]]:
    """Rows: label workers, seconds, times as fast as the first, processor seconds; then with one host cut off."""
    rows, first = list[list[record.Cell]](), 0.0

    def add(what: str, cost: Cost) -> None:
        spent = sum(cost.spent.values())
        rows.append([what, round(cost.seconds, 1), round(first / cost.seconds, 2), round(spent, 1)])
        print(*rows[-1], sep="\t", flush=True)
        print("  of which", {name: round(seconds, 1) for name, seconds in cost.spent.items()}, flush=True)

    print("label workers, seconds, times as fast as the first, processor seconds of all processes")
    for count in given.workers:
        bench.cluster.start_workers(count)
        bench.cluster.let_each_take(0.0)
        bench.send(WARM_LABELS * count)
        if not given.submissions:
            continue
        bench.cluster.let_each_take(given.seconds)
        cost = bench.send(CLASSES, submissions=given.submissions)
        first = first or cost.seconds
        add(f"{count} worker{'' if count == 1 else 's'}", cost)
    if given.submissions and len(bench.cluster.workers) > 1:
        cost = bench.send(CLASSES, submissions=given.submissions, midway=bench.cluster.cut_off)
        bench.cluster.reconnect()
        add(f"{len(bench.cluster.workers)} workers, one of them cut off midway", cost)
    return rows


def each_label(bench: Bench, counts: list[int]) -> list[list[record.Cell]]:
    """Rows: labels; ms a label: by the clock, of processors, sweeper's, callback's; MiB more of a label worker."""
    bench.cluster.let_each_take(0.0)
    rows = list[list[record.Cell]]()
    print(
        "labels; milliseconds a label: by the clock, of processors, sweeper's, callback's; MiB more of a label worker"
    )
    for count in counts:
        cost = bench.send(count)
        by_clock, whole, sweeper, callback = (
            1000 * seconds / count
            for seconds in (cost.seconds, sum(cost.spent.values()), cost.spent["sweeper"], cost.callbacks)
        )
        grew = max(size for name, size in cost.grew.items() if name.startswith("labels")) / 2**20
        rows.append([count, round(by_clock, 2), round(whole, 2), round(sweeper, 3), round(callback, 3), round(grew)])
        print(*rows[-1], sep="\t", flush=True)
        print(
            "  processor ms a label:", {name: round(1000 * s / count, 2) for name, s in cost.spent.items()}, flush=True
        )
        print("  MiB more:", {name: round(size / 2**20, 1) for name, size in cost.grew.items()}, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--submissions", type=int, default=50, help="0: what a label costs alone")
    parser.add_argument("--seconds", type=float, default=0.2, help="what a label takes")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--labels", type=int, nargs="*", default=[1000, 10_000, 100_000])
    record.add_option(parser)
    given = parser.parse_args()
    if given.workers != sorted(set(given.workers)) or given.workers[0] < 1:
        parser.error(f"the numbers of workers are {given.workers}: pass growing ones, from 1")
    with tempfile.TemporaryDirectory(prefix="cleanse-scaleout-") as folder:
        try:
            with running(Path(folder), hosts=given.workers[-1], slots=given.slots) as cluster:
                bench = Bench(cluster)
                workers, labels = more_workers(bench, given), each_label(bench, given.labels)
        except NoHosts as error:
            raise SystemExit(f"no hosts to measure on: {error}") from None
    load = f"load of the machine at its end: {os.getloadavg()[0]:.0f}, on {len(os.sched_getaffinity(0))} processors"
    note = f"{given.submissions} submissions of {CLASSES} labels, each of which waits {given.seconds:g} s; {load}"
    record.rows(given, "service", "Label workers on hosts of their own", workers, note=note)
    note = f"label workers: {given.workers[-1]}; {load}"
    record.rows(given, "service", "What a label costs on several hosts", labels, note=note)


if __name__ == "__main__":
    main()
