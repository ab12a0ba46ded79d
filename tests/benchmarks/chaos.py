"""What faults cost: a thousand labels whose workers, and once the broker, are killed while they run.

    python -m tests.benchmarks.chaos [--labels 1283] [--workers 4] [--seconds 0.05] [--every 2]

Runs the same submission of near-empty labels twice through an embedded stack of real processes: undisturbed, and with
one label worker killed at random every few seconds and the broker killed once. Prints how long each took, and fails
where a label has no end, has got two, or the submission has more or less than one detection.
"""

import argparse
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from nc_tasks.embedded.client import attach, down
from nc_tasks.embedded.processes import wait_until
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from tests.benchmarks import record
from tests.faults.home import COUNTING, SUPERVISOR, Home

PATIENCE_SECONDS = 1800.0
WARM_LABELS = 40
POLL_SECONDS = 0.05


class Killer:
    """Kills one label worker at random every few seconds, and the broker when a third is done."""

    def __init__(self, home: Home, submission: str, workers: int, every: float) -> None:
        self._home, self._submission, self._workers, self._every = home, submission, workers, every
        self._next = time.monotonic() + every
        self._random = random.Random(0)
        self.workers = self.brokers = 0

    def __call__(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every
        pid = self._home.pid(f"labels{self._random.randint(1, self._workers)}")
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self.workers += 1
        states = self._home.states(self._submission)
        if not self.brokers and 3 * states.get("not_converged", 0) > sum(states.values()) > 0:
            self._home.kill_broker()
            self.brokers += 1


@dataclass(frozen=True, kw_only=True)
class Ended:
    """seconds: from the submission to its end. killed: workers. doubled: results that were written twice."""

    seconds: float
    killed: int
    doubled: int


def run(given: argparse.Namespace, *, disturbed: bool) -> Ended:
    """One submission, disturbed or not."""
    with tempfile.TemporaryDirectory(prefix="cleanse-chaos-") as folder:
        settings = Settings(
            home=Path(folder),
            redis_url=None,
            database_url=None,
            lease_seconds=5.0,
            sweep_seconds=1.0,
            heartbeat_seconds=0.5,
            warm_up=False,
            # Whoever runs alone here is killed as often as others: that is not the label's doing.
            max_attempts=20,
        )
        try:
            with closing(open_store(settings)) as store:
                with store.write() as session:
                    for statement in COUNTING["sqlite"]:
                        session.execute(text(statement))
                with attach(settings, workers=given.workers, slots=given.slots, supervisor=SUPERVISOR) as stack:
                    home = Home(settings=settings, store=store, stack=stack)
                    home.script.let_each_take(given.seconds)
                    warm = home.submit(WARM_LABELS)
                    wait(home, warm, lambda: None)
                    began = time.monotonic()
                    submission = home.submit(given.labels)
                    killer = Killer(home, submission, given.workers, given.every)
                    wait(home, submission, killer if disturbed else lambda: None)
                    seconds = time.monotonic() - began
                    home.ends(submission)
                    rows = home.rows(submission).values()
                    print(
                        f"{'killed' if disturbed else 'undisturbed'}: {given.labels} labels in {seconds:.1f} s; "
                        f"{killer.workers} workers and {killer.brokers} brokers killed; "
                        f"{sum(row.alone for row in rows)} labels tried alone, "
                        f"{sum(row.attempt for row in rows) - len(rows)} attempts more than labels; "
                        f"lost {home.lost()}, results written twice {home.duplicated()}, detections 1",
                        flush=True,
                    )
                    return Ended(seconds=seconds, killed=killer.workers, doubled=home.duplicated())
        finally:
            down(settings)


def wait(home: Home, submission: str, meanwhile: Callable[[], None]) -> None:
    def over() -> bool:
        meanwhile()
        time.sleep(POLL_SECONDS)
        return home.state(submission) == "done"

    if not wait_until(over, PATIENCE_SECONDS):
        raise SystemExit(f"not ended within {PATIENCE_SECONDS:.0f} s: {home.states(submission)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--labels", type=int, default=1283)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=0.05, help="what a label takes")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two kills")
    record.add_option(parser)
    given = parser.parse_args()
    alone, disturbed = (run(given, disturbed=disturbed) for disturbed in (False, True))
    print(f"added by the faults: {disturbed.seconds - alone.seconds:.1f} s")
    figures: list[list[record.Cell]] = [
        ["seconds with faults", round(disturbed.seconds, 1)],
        ["seconds without", round(alone.seconds, 1)],
        ["workers killed", disturbed.killed],
        ["results a label", 1 + disturbed.doubled / given.labels],
    ]
    note = f"labels: {given.labels:,}, workers: {given.workers}"
    record.rows(given, "faults", "Faults without end", figures, note=note)


if __name__ == "__main__":
    main()
