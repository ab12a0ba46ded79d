"""A running stack to which things happen, and what its store says afterwards."""

import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psutil
from redis import Redis
from sqlalchemy import func, select, text

from nc_tasks.embedded.broker import find_broker
from nc_tasks.embedded.client import Stack
from nc_tasks.embedded.commands import BEYOND_SLOTS
from nc_tasks.embedded.processes import wait_until
from nc_tasks.messages.address import key_prefix, socket_path
from nc_tasks.messages.app import PRIORITIES
from nc_tasks.messages.broker import SEPARATOR
from nc_tasks.settings import Settings
from nc_tasks.store import Detection, Label, Store, Worker
from nc_tasks.store.rows import detections, labels, preparations, submissions
from nc_tasks.store.tables import Base
from nc_tasks.store.tables.states import LABEL_ENDS, RESULTS
from nc_tasks.store.tables.types import UtcTime
from tests.benchmarks.fanout import prepared
from tests.faults.script import Script

SUPERVISOR = (sys.executable, "-P", "-m", "tests.faults.stack")
SLOTS = 4
THREADS = SLOTS + BEYOND_SLOTS
"""Of the one label worker."""
PATIENCE_SECONDS = 90.0
"""Until everything has ended: a machine that does other work starts a process in ten seconds."""


def eventually(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    assert wait_until(lambda: bool(condition()), seconds)


ENDED = ", ".join(map(repr, RESULTS))
COUNTING = {
    "sqlite": (
        "CREATE TABLE written (submission_id, label, round, times, PRIMARY KEY (submission_id, label, round))",
        f"""CREATE TRIGGER counting AFTER UPDATE OF state, norm, attempt ON label WHEN NEW.state IN ({ENDED}) BEGIN
            INSERT INTO written VALUES (NEW.submission_id, NEW.label, NEW.round, 1)
            ON CONFLICT DO UPDATE SET times = times + 1; END""",
    ),
    "postgresql": (
        "CREATE TABLE written (submission_id text, label int, round int, times int, "
        "PRIMARY KEY (submission_id, label, round))",
        """CREATE FUNCTION count_result() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO written VALUES (NEW.submission_id, NEW.label, NEW.round, 1)
            ON CONFLICT (submission_id, label, round) DO UPDATE SET times = written.times + 1;
            RETURN NEW; END $$""",
        f"""CREATE TRIGGER counting AFTER UPDATE OF state, norm, attempt ON label FOR EACH ROW
            WHEN (NEW.state IN ({ENDED})) EXECUTE FUNCTION count_result()""",
    ),
}
"""Has the database count, in every writer's own transaction, how often each label has got a result."""


@dataclass(kw_only=True)
class Home:
    """submissions: those that were made here, with their numbers of labels."""

    settings: Settings
    store: Store
    stack: Stack
    submissions: dict[str, int] = field(default_factory=dict)

    @property
    def script(self) -> Script:
        return Script(self.settings.home)

    def submit(self, count: int = 12, **options: Any) -> str:
        """A submission that is prepared, and of which nobody was told: the sweeper finds it."""
        submission_id = prepared(self.store, count, **options)
        self.submissions[submission_id] = count
        return submission_id

    def fill(self, count: int = 12) -> str:
        """A submission of so many labels whose first ones fill the worker, until `let_go`; the others wait.

        Which are the first is not said: every few labels taken bring one of the last to the front.
        """
        for label in range(count):
            self.script.arrange("hold", label)
        submission = self.submit(count)
        eventually(lambda: len(self.script.now_running()) == THREADS and self.messages() == count - THREADS)
        return submission

    def let_go(self, submission_id: str) -> None:
        """Let the labels of such a submission end."""
        for label in range(self.submissions[submission_id]):
            self.script.lift("hold", label)

    def state(self, submission_id: str) -> str:
        with self.store.read() as session:
            return submissions.get(session, submission_id=submission_id).state

    def rows(self, submission_id: str) -> dict[int, Label]:
        with self.store.read() as session:
            return {row.label: row for row in labels.of_round(session, submission_id=submission_id, round=0)}

    def states(self, submission_id: str) -> dict[str, int]:
        with self.store.read() as session:
            return labels.counts(session, submission_id=submission_id).states

    def ends(self, submission_id: str, **states: int) -> None:
        """The submission is done, all its labels have ended so, and it has one detection of them."""
        eventually(lambda: self.state(submission_id) == "done")
        assert self.states(submission_id) == (states or {"not_converged": self.submissions[submission_id]})
        with self.store.read() as session:
            query = select(func.count()).select_from(Detection).where(Detection.submission_id == submission_id)
            assert session.scalar(query) == 1
        assert self.duplicated() == 0

    def lost(self) -> int:
        """Labels without an end, of submissions that should have ended."""
        rows = [row for submission_id in self.submissions for row in self.rows(submission_id).values()]
        ended = sum(row.state in LABEL_ENDS for row in rows)
        return sum(self.submissions.values()) - ended

    def duplicated(self) -> int:
        """Results that were written over another, as the database itself has counted."""
        with self.store.read() as session:
            return session.scalars(text("SELECT coalesce(sum(times - 1), 0) FROM written WHERE times > 1")).one()

    def order(self) -> list[tuple[str, int]]:
        """Submission and label of every result, in the order in which they were written."""
        with self.store.read() as session:
            rows = session.execute(text("SELECT submission_id, label FROM written ORDER BY rowid"))
            return [(submission_id, label) for submission_id, label in rows]

    def redis(self) -> Redis:
        return Redis(unix_socket_path=str(socket_path(self.settings)))

    def chords(self) -> int:
        """Chords that the broker still counts for."""
        with self.redis() as redis:
            return len(list(redis.scan_iter("*.j")))

    def prepare_again(self, submission_id: str) -> None:
        """As a worker that prepares: the files of these submissions are none."""
        with self.store.write() as session:
            attempt = preparations.claim(
                session, submission_id=submission_id, worker_id="test", lease_seconds=60, max_attempts=3
            )
            assert attempt is not None
            assert preparations.finish(session, submission_id=submission_id, attempt=attempt)

    def detected_at(self, submission_id: str) -> datetime:
        """When the detection was stored."""
        with self.store.read() as session:
            found = detections.get(session, submission_id=submission_id)
        assert found is not None
        return found.created_at

    def label_lists(self) -> list[str]:
        """The broker's lists of label messages, the most urgent first."""
        prefix = key_prefix(self.settings)
        return [prefix + ("labels" if p == 0 else f"labels{SEPARATOR}{p}") for p in PRIORITIES]

    def messages(self) -> int:
        """Label messages that nobody has taken."""
        with self.redis() as redis:
            return sum(redis.llen(name) for name in self.label_lists())

    def pid(self, name: str) -> int | None:
        """The running process of this name."""
        return next((child.pid for child in self.stack.state().children if child.name == name), None)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal the process of this name, which may be just being started; returns its pid."""
        eventually(lambda: self.pid(name))
        pid = self.pid(name)
        assert pid is not None
        os.kill(pid, number)
        return pid

    def workers(self, queue: str) -> set[int]:
        """The processes that the store knows to serve the queue."""
        with self.store.read() as session:
            return set(session.scalars(select(Worker.pid).where(Worker.queue == queue)))

    def freeze(self, name: str) -> int:
        """Stop the process of this name in the midst of its work, but not in the midst of a write; returns its pid.

        A lock on a file ends with its process, and a process that is stopped has not ended: whoever stops one in that
        millisecond stops every writer of an SQLite database with it.
        """
        while True:
            pid = self.kill(name, signal.SIGSTOP)
            if self.is_writable():
                return pid
            os.kill(pid, signal.SIGCONT)

    def is_writable(self) -> bool:
        """Whether a write gets its turn within a second."""
        connection = sqlite3.connect(self.settings.home / "cleanse.sqlite", timeout=1.0, isolation_level=None)
        with closing(connection):
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            return True

    def set_clock_back(self, seconds: int) -> None:
        """As seen from the database's rows: its clock is the system's, so all times that stand there move ahead."""
        with self.store.write() as session:
            for table in Base.metadata.sorted_tables:
                for column in table.columns:
                    if isinstance(column.type, UtcTime):
                        later = f"strftime('%Y-%m-%d %H:%M:%f000', {column.name}, '{seconds} seconds')"
                        session.execute(text(f"UPDATE {table.name} SET {column.name} = {later}"))

    def kill_broker(self) -> None:
        broker = find_broker(self.settings)
        assert broker is not None
        os.kill(broker.pid, signal.SIGKILL)
        eventually(lambda: (find_broker(self.settings) or broker) != broker)

    def is_gone(self, pid: int) -> bool:
        return not psutil.pid_exists(pid)
