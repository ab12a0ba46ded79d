"""Group commit: writes share transactions, and nobody can tell but by the time."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from nc_tasks.errors import StoreClosed
from nc_tasks.store import LabelKey, Store
from nc_tasks.store.database.group_commit import GroupWriter
from nc_tasks.store.rows import labels, submissions


class Gate:
    """A store's writer that counts its transactions, and whose first one waits until it is let through."""

    def __init__(self, store: Store) -> None:
        self.transactions = 0
        self.entered, self.open = threading.Event(), threading.Event()
        self.writer = GroupWriter(self._write)
        self._store = store

    @contextmanager
    def _write(self) -> Iterator[Session]:
        self.transactions += 1
        if self.transactions == 1:
            self.entered.set()
            assert self.open.wait(10)
        with self._store.write() as session:
            yield session

    def gather(self, pool: ThreadPoolExecutor, works: list[Callable[[Session], object]]) -> list[Future[object]]:
        """Bring the writes one after another while a first transaction is held up; then let all through."""
        first = pool.submit(self.writer.run, lambda _: None)
        assert self.entered.wait(10)
        futures = []
        for number, work in enumerate(works, start=1):
            futures.append(pool.submit(self.writer.run, work))
            while len(self.writer._gathered) < number:
                assert not futures[-1].done()
        self.open.set()
        first.result(10)
        return futures


@pytest.fixture
def gate(store: Store) -> Gate:
    return Gate(store)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


def claim(submission_id: str, label: int) -> Callable[[Session], int | None]:
    key = LabelKey(submission_id=submission_id, label=label, round=0)
    return lambda session: labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3)


def states(store: Store, submission_id: str) -> dict[int, str]:
    with store.read() as session:
        return {row.label: row.state for row in labels.of_round(session, submission_id=submission_id, round=0)}


def break_a_rule(session: Session) -> None:
    session.execute(text("INSERT INTO label (submission_id, label, round) VALUES ('nobody', 0, 0)"))


def test_writes_that_gather_are_one_transaction_in_the_order_in_which_they_came(
    store: Store, scanned: str, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    # Given nine writes that come while another is written: label 0 is claimed nine times
    order: list[int] = []

    def work(number: int) -> Callable[[Session], int | None]:
        def write(session: Session) -> int | None:
            order.append(number)
            return claim(scanned, 0)(session)

        return write

    futures = gate.gather(pool, [work(number) for number in range(9)])
    # Then one more transaction holds them all, the first has the label, and each has its own answer
    assert [future.result(10) for future in futures] == [1] + [None] * 8
    assert order == list(range(9))
    assert gate.transactions == 2
    assert states(store, scanned)[0] == "running"


def test_a_write_that_fails_raises_in_its_caller_and_harms_no_other(
    store: Store, scanned: str, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    # Given writes of which one breaks a rule of the database and one raises by itself
    def no_number(_: Session) -> None:
        raise ZeroDivisionError

    works = [claim(scanned, 0), break_a_rule, claim(scanned, 1), no_number, claim(scanned, 2)]
    first, broken, second, raised, third = gate.gather(pool, works)
    # Then these two raise what they met, and the others are written once
    with pytest.raises(IntegrityError):
        broken.result(10)
    with pytest.raises(ZeroDivisionError):
        raised.result(10)
    assert [future.result(10) for future in (first, second, third)] == [1, 1, 1]
    assert states(store, scanned) == {0: "running", 1: "running", 2: "running", 3: "queued"}


def test_a_change_of_an_object_that_the_database_refuses_is_its_caller_s_failure_alone(
    scanned: str, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    # Given a write that leaves its change to the session, as objects do
    def spoil(session: Session) -> None:
        submissions.get(session, submission_id=scanned).state = "no such state"

    spoiled, good = gate.gather(pool, [spoil, claim(scanned, 0)])
    # Then it fails when its turn is over, not with the commit of all
    with pytest.raises(IntegrityError):
        spoiled.result(10)
    assert good.result(10) == 1


def test_a_result_is_returned_only_after_the_commit(store: Store, scanned: str, pool: ThreadPoolExecutor) -> None:
    # Given sixteen threads that each claim labels of their own
    with store.write() as session:
        labels.create(session, submission_id=scanned, labels=range(200), round=0, updates_budget=1)

    def write(label: int) -> str:
        assert store.write_together(claim(scanned, label)) == 1
        # When a claim comes back, then another connection sees it
        return states(store, scanned)[label]

    assert list(pool.map(write, range(200))) == ["running"] * 200


def test_when_the_commit_fails_then_all_who_are_in_it_are_told(
    store: Store, scanned: str, pool: ThreadPoolExecutor
) -> None:
    # Given a disk that is full when the second transaction is committed
    gate = Gate(store)

    @contextmanager
    def full() -> Iterator[Session]:
        with gate._write() as session:
            yield session
            if gate.transactions == 2:
                raise OperationalError("COMMIT", {}, Exception("database or disk is full"))

    gate.writer = GroupWriter(full)
    futures = gate.gather(pool, [claim(scanned, 0), claim(scanned, 1)])
    # Then neither caller believes that its label is claimed, and neither is
    for future in futures:
        with pytest.raises(OperationalError, match="disk is full"):
            future.result(10)
    assert set(states(store, scanned).values()) == {"queued"}
    # And the next write is as good as ever
    assert gate.writer.run(claim(scanned, 0)) == 1


def test_when_the_thread_that_writes_is_interrupted_then_another_writes_on(
    scanned: str, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    # Given a thread that is made to end in the middle of everybody's writes
    interrupts = iter([KeyboardInterrupt])

    def interrupted(_: Session) -> None:
        for interrupt in interrupts:
            raise interrupt

    futures = gate.gather(pool, [claim(scanned, 0), interrupted, claim(scanned, 1)])
    # Then whoever led is interrupted, and all the others have what they wanted
    ends = [future.exception(10) for future in futures]
    assert sum(isinstance(end, KeyboardInterrupt) for end in ends) == 1
    assert sum(end is None for end in ends) == 2


def test_given_a_store_that_is_closed_then_what_was_brought_is_written_and_nothing_more_is_taken(
    store: Store, scanned: str, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    # Given a write that is held up
    held = pool.submit(gate.writer.run, claim(scanned, 0))
    assert gate.entered.wait(10)
    # When the writer is closed meanwhile
    closing = pool.submit(gate.writer.close)
    while not gate.writer._closed:
        assert not closing.done()
    # Then it takes no more, waits, and the write is done
    with pytest.raises(StoreClosed, match="closed"):
        gate.writer.run(claim(scanned, 1))
    assert not closing.done()
    gate.open.set()
    closing.result(10)
    assert held.result(10) == 1
    assert states(store, scanned)[0] == "running"
