"""Whatever order things happen in: every label ends once, and what has ended stays as it is.

A machine of workers that take, finish, give back, fall silent and come back late, of messages that come twice or never,
of sweepers and of a user who cancels, on the store alone.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import update

from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import Label, LabelKey, Store
from nc_tasks.store.recovery import expired
from nc_tasks.store.rows import labels, lifecycle, outbox, submissions
from nc_tasks.store.tables.states import LABEL_ENDS
from nc_tasks.store.tables.types import now

COUNT, MOST = 4, 1
NUMBERS = st.integers(0, COUNT - 1)
Row = tuple[str, float | None, int]


class Promises(RuleBasedStateMachine):
    """A submission of its own in a store that all share.

    held: attempts that workers believe to have. messages: labels whose message is with the broker.
    """

    store: Store

    def __init__(self) -> None:
        super().__init__()
        with self.store.write() as session:
            self.submission = submissions.submit(
                session,
                ScanRequest(
                    model=StoredFile(sha256="a" * 64, name="m"),
                    data=StoredFile(sha256="b" * 64, name="d"),
                    options=ScanOptions(),
                    force=True,
                ),
            ).id
            for state in ("preparing", "inverting"):
                lifecycle.set_state(session, submission_id=self.submission, state=state)
            labels.create(session, submission_id=self.submission, labels=range(COUNT), round=0, updates_budget=1)
        self.messages: list[int] = []
        self.held: list[tuple[int, int]] = []
        self.ended: dict[int, Row] = {}
        self.epoch = 0
        self.cancelled = False
        self.sweep_once(confirms=True)

    def teardown(self) -> None:
        self.all_ends()

    def key(self, label: int) -> LabelKey:
        return LabelKey(submission_id=self.submission, label=label, round=0)

    def rows(self) -> dict[int, Label]:
        with self.store.read() as session:
            return {row.label: row for row in labels.of_round(session, submission_id=self.submission, round=0)}

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), again=st.booleans())
    def take(self, data: st.DataObject, again: bool) -> None:
        """A worker gets a message, which may come once more."""
        label = data.draw(st.sampled_from(self.messages))
        if not again:
            self.messages.remove(label)
        self.claim(label)

    def claim(self, label: int) -> None:
        with self.store.write() as session:
            alone = labels.must_be_alone(session, key=self.key(label))
            attempt = labels.claim(
                session, key=self.key(label), worker_id="w", lease_seconds=3600, max_attempts=MOST, alone=alone
            )
        if attempt is not None:
            assert label not in self.ended
            self.held.append((label, attempt))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """A worker writes a result, perhaps one that has long lost its label; the result is its attempt's number."""
        label, attempt = data.draw(st.sampled_from(self.held))
        with self.store.write() as session:
            written = labels.finish(
                session, key=self.key(label), attempt=attempt, state="done", updates=1, norm=float(attempt)
            )
        assert written == (label not in self.ended and self.latest(label) == attempt and not self.cancelled)
        self.held.remove((label, attempt))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        label, attempt = data.draw(st.sampled_from(self.held))
        with self.store.write() as session:
            labels.release(session, key=self.key(label), attempt=attempt)
        self.held.remove((label, attempt))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), dies=st.booleans(), goes_on=st.booleans())
    def expire(self, data: st.DataObject, dies: bool, goes_on: bool) -> None:
        """A worker falls silent; it may live on and know nothing of it, while another has its label."""
        label, attempt = data.draw(st.sampled_from(self.held))
        with self.store.write() as session:
            theirs = update(Label).where(
                Label.submission_id == self.submission,
                Label.label == label,
                Label.attempt == attempt,
                Label.state == "running",
            )
            session.execute(theirs.values(lease_until=None))
        if dies:
            self.held.remove((label, attempt))
        if goes_on:
            self.sweep_once(confirms=True)
            self.claim(label)

    @precondition(lambda self: self.messages)
    @rule()
    def wipe(self) -> None:
        """The broker loses everything."""
        self.messages, self.epoch = [], self.epoch + 1

    @precondition(lambda self: self.messages)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.messages.remove(data.draw(st.sampled_from(self.messages)))

    @rule(confirms=st.booleans())
    def sweep(self, confirms: bool) -> None:
        self.sweep_once(confirms=confirms)

    def sweep_once(self, *, confirms: bool) -> None:
        """A sweeper looks; it may die between sending and noting it."""
        lost, of = not self.messages, (Label.submission_id == self.submission,)
        with self.store.write() as session:
            expired.requeue_expired(session, max_attempts=MOST)
            needy = outbox.unsent(Label, epoch=str(self.epoch), moment=now(session), patience_seconds=0, lost=lost)
            batch = outbox.take(session, Label, *of, needy=needy)
        self.messages += [label for _, label, _ in batch.keys]
        if confirms:
            with self.store.write() as session:
                outbox.confirm(session, Label, *of, batch=batch, epoch=str(self.epoch))

    @precondition(lambda self: len(self.ended) >= COUNT // 2 and not self.cancelled)
    @rule(sure=st.booleans())
    def cancel(self, sure: bool) -> None:
        if sure:
            with self.store.write() as session:
                submissions.cancel(session, submission_id=self.submission)
            self.cancelled = True

    def latest(self, label: int) -> int | None:
        """The attempt that holds the label."""
        row = self.rows()[label]
        return row.attempt if row.attempt in [attempt for number, attempt in self.held if number == label] else None

    @invariant()
    def what_has_ended_stays(self) -> None:
        for label, row in self.rows().items():
            assert 0 <= row.attempt - row.attempt_base <= MOST
            if label in self.ended:
                assert (row.state, row.norm, row.attempt) == self.ended[label]
            elif row.state in LABEL_ENDS:
                self.ended[label] = (row.state, row.norm, row.attempt)
                if row.state == "done":
                    assert row.norm == row.attempt
                if row.state == "failed":
                    assert row.alone
                    assert "given up" in (row.reason or "")

    def all_ends(self) -> None:
        """From here on nothing goes wrong: a few sweeps and every label has ended."""
        while len(self.ended) < COUNT:
            for label, attempt in list(self.held):
                with self.store.write() as session:
                    labels.finish(session, key=self.key(label), attempt=attempt, state="done", updates=1, norm=attempt)
                self.held.remove((label, attempt))
            before = self.standing()
            self.what_has_ended_stays()
            self.sweep_once(confirms=True)
            for label in sorted(set(self.messages)):
                self.messages.remove(label)
                self.claim(label)
            assert self.standing() != before or len(self.ended) == COUNT, "it stands still"

    def standing(self) -> tuple[dict[int, tuple[str, int]], int]:
        """What must change from sweep to sweep: a label, or the messages that came twice and are used up."""
        return {label: (row.state, row.attempt) for label, row in self.rows().items()}, len(self.messages)


# What the machine looks for lies in the statements, which are the same: a server takes longer for each.
@pytest.mark.parametrize(
    "examples",
    [
        pytest.param({"sqlite": 25, "postgresql": 5}, id="few"),
        pytest.param({"sqlite": 500, "postgresql": 50}, marks=pytest.mark.long, id="many"),
    ],
)
def test_no_order_of_events_loses_or_repeats_a_label(
    store: Store, examples: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Promises, "store", store, raising=False)
    run_state_machine_as_test(
        Promises,
        settings=settings(
            max_examples=examples[store.engine.dialect.name],
            stateful_step_count=30,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
