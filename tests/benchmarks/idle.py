"""What a stack without work costs, and how long a scan needs to its first step, beside the version before.

    python -m tests.benchmarks.idle [--seconds 180] [--rounds 3] [--before CHECKOUT] [--record]

Idle: `cleanse up` with what it takes by itself, one scan, a pause until memory is given back; then processor time,
wake-ups (voluntary switches of all threads) and memory (each process' share of what several have) over the seconds.
Start: `cleanse run` under a home that is new, and half a minute later once more under the same. Seconds depend on
whatever else the machine does, the processor time that all processes have taken by then does less. --before: another
checkout, with its own .venv: whatever is measured is measured of both.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks import record
from tests.benchmarks.stack import Stack
from tests.benchmarks.submissions import write_inputs

NOW, BEFORE = "now", "version before"
REST_SECONDS = 75.0
"""After a scan: workers give their memory back after a minute."""
SETTLED_SECONDS = 30.0
"""After the start of a stack: all its processes are ready, and what was cancelled is at an end."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of processes of one name, at one moment. processor: seconds. wakeups: so far. memory: bytes."""

    processor: float
    wakeups: int
    memory: int

    @classmethod
    def of(cls, processes: list[psutil.Process]) -> "Cost":
        times = [process.cpu_times() for process in processes]
        return cls(
            processor=sum(one.user + one.system for one in times),
            wakeups=sum(_wakeups(process.pid) for process in processes),
            memory=sum(process.memory_full_info().pss for process in processes),
        )


def _wakeups(pid: int) -> int:
    lines = [(task / "status").read_text().splitlines() for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int(line.split()[1]) for status in lines for line in status if line.startswith("voluntary_ctxt"))


def costs(stack: Stack) -> dict[str, Cost]:
    return {name: Cost.of(processes) for name, processes in stack.processes().items()}


def measure_idle(stacks: Mapping[str, Stack], model: Path, data: Path, seconds: float) -> list[list[record.Cell]]:
    """Rows of the table, from stacks that run at the same time."""
    worked = {}
    for version, stack in stacks.items():
        stack.up()
        stack.run(model, data)
        worked[version] = costs(stack)
    time.sleep(REST_SECONDS)
    begun, begin = {version: costs(stack) for version, stack in stacks.items()}, time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - begin
    rows: list[list[record.Cell]] = []
    for version, stack in stacks.items():
        ended, of_all = costs(stack), [0.0, 0.0, 0, 0]
        for name, cost in ended.items():
            before = begun[version][name]
            cells = [
                100 * (cost.processor - before.processor) / passed,
                (cost.wakeups - before.wakeups) / passed,
                worked[version][name].memory,
                cost.memory,
            ]
            of_all = [whole + part for whole, part in zip(of_all, cells, strict=True)]
            if version == NOW:
                rows.append([name, *_rounded(cells)])
        rows.append([f"all, {version}", *_rounded(of_all)])
    return rows


def _rounded(cells: list[float]) -> list[float]:
    percent, wakeups, *memory = cells
    return [round(percent, 2), round(wakeups, 1), *(round(one / 2**20) for one in memory)]


def measure_start(stacks: Mapping[str, Stack], models: list[Path], data: Path, rounds: int) -> list[list[record.Cell]]:
    """Rows of the table: for each milestone the median over the rounds, in which stacks take turns."""
    found: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for version, stack in stacks.items():
            stack.forget()
            for runs, model in zip(("nothing", "a stack"), models, strict=True):
                time.sleep(SETTLED_SECONDS if runs == "a stack" else 0.0)
                for milestone, at in stack.start(model, data).items():
                    found.setdefault((runs, milestone, version), []).append(at)
            stack.down()
    return [
        [f"{runs} runs, {version}", milestone, *(round(statistics.median(one), 1) for one in zip(*at, strict=True))]
        for (runs, milestone, version), at in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, help="checkout of the version before")
    record.add_option(parser)
    given = parser.parse_args()
    checkouts = {NOW: record.ROOT} | ({BEFORE: given.before} if given.before else {})
    with tempfile.TemporaryDirectory(prefix="cleanse-idle-") as name:
        folder = Path(name)
        data, models = write_inputs(folder, 2, 2)
        stacks = {
            version: Stack(checkout=checkout, home=folder / f"home{number}")
            for number, (version, checkout) in enumerate(checkouts.items())
        }
        try:
            if given.rounds:
                started = measure_start(stacks, models, data, given.rounds)
                _tell(started)
                record.rows(given, "service", "From the command to the first step", started, note=_note())
            if given.seconds:
                rested = measure_idle(stacks, models[0], data, given.seconds)
                _tell(rested)
                record.rows(given, "service", "Without work", rested, note=_note())
        finally:
            for stack in stacks.values():
                stack.down()


def _note() -> str:
    """What else the machine had to do: the same work takes more processor time where others compete for its caches."""
    return f"load of the machine at its end: {os.getloadavg()[0]:.0f}"


def _tell(rows: list[list[record.Cell]]) -> None:
    for row in rows:
        print(*row, sep="\t", flush=True)


if __name__ == "__main__":
    main()
