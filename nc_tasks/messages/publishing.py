"""Sends the messages of rows that wait: of those that have none, and of those whose broker has forgotten it.

All messages about rows go out here, except the first one of a submission or a job: that comes from whoever made it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, cast

from celery import chord
from sqlalchemy import ColumnElement, exists, select

from nc_tasks.messages import broker
from nc_tasks.messages.app import app, publish_job, publish_start
from nc_tasks.messages.batching import together
from nc_tasks.messages.priority import priority_of
from nc_tasks.request.choices import Priority
from nc_tasks.store import Job, Label, Mitigation, Preparation, Store, Submission
from nc_tasks.store.rows import outbox
from nc_tasks.store.tables import Leased
from nc_tasks.store.tables.types import now

Keys = Sequence[tuple[Any, ...]]
"""Primary keys of rows, sorted."""
Sent = Counter[tuple[str, int]]
"""Submission and round -> labels that were sent before."""


def send(
    store: Store, table: type[Leased], *of: ColumnElement[bool], patience_seconds: float, lost: bool = False
) -> int:
    """Send a message for every such row that waits without one; returns how many there were.

    patience_seconds, lost: as in `store.rows.outbox.unsent`.
    """
    epoch = broker.epoch()
    with store.read() as session:
        needy = outbox.unsent(table, epoch=epoch, moment=now(session), patience_seconds=patience_seconds, lost=lost)
        if not session.scalar(select(exists().where(needy, *of))):
            return 0
    sent, total = Sent(), 0
    while True:
        with store.write() as session:
            batch = outbox.take(session, table, *of, needy=needy)
        if batch.keys:
            _PUBLISH[table](store, batch.keys, sent)
            with store.write() as session:
                outbox.confirm(session, table, *of, batch=batch, epoch=epoch)
        total += len(batch.keys)
        if len(batch.keys) < outbox.AT_ONCE:
            return total


def send_labels(store: Store, submission_id: str, round: int, *, patience_seconds: float) -> int:
    """Send a task for every label of the round that waits without one; returns how many there were."""
    of = (Label.submission_id == submission_id, Label.round == round)
    return send(store, Label, *of, patience_seconds=patience_seconds)


def send_repairs(store: Store, submission_id: str, *, patience_seconds: float) -> int:
    """Send the task of every repair of the submission that waits without one; returns how many there were."""
    return send(store, Mitigation, Mitigation.submission_id == submission_id, patience_seconds=patience_seconds)


def send_all(store: Store, *, patience_seconds: float) -> int:
    """Send everything that waits without a message, in all submissions; returns how much that was."""
    # Those of a submission that is tried again wait until it has come so far.
    of: dict[type[Leased], tuple[ColumnElement[bool], ...]] = {
        table: (table.submission_id.in_(select(Submission.id).where(Submission.state == state)),)
        for table, state in ((Label, "inverting"), (Mitigation, "repairing"))
    }
    idle = {queue: broker.waiting(queue) == 0 for queue in ("labels", "control")}
    return sum(
        send(
            store,
            table,
            *of.get(table, ()),
            patience_seconds=patience_seconds,
            lost=idle["labels" if table is Label else "control"],
        )
        for table in _PUBLISH
    )


def publish_labels(
    submission_id: str, waiting: Sequence[int], round: int, urgency: Priority = "normal", *, after: int = 0
) -> None:
    """One task per label, and a callback that carries the submission's id and reads the norms from SQL.

    after: labels of the round that were sent just before; each so many have a callback of their own, and all but the
    last find labels that have not ended.
    """
    tasks = [
        app.signature(
            "nc_tasks.invert_label",
            kwargs={"submission": submission_id, "label": label, "round": round},
            queue="labels",
            priority=priority_of(position, urgency),
            immutable=True,
        )
        for position, label in enumerate(waiting, start=after)
    ]
    gather = app.signature(
        "nc_tasks.gather",
        kwargs={"submission": submission_id, "round": round},
        queue="control",
        immutable=True,
    )
    with together(app):
        chord(tasks, app=app)(gather)


def _urgencies(store: Store, submission_ids: Iterable[str]) -> dict[str, Priority]:
    query = select(Submission.id, Submission.priority).where(Submission.id.in_(set(submission_ids)))
    with store.read() as session:
        return {submission_id: cast(Priority, urgency) for submission_id, urgency in session.execute(query)}


def publish_gather(submission_id: str, round: int) -> None:
    """Ask for the step after a round, as the callback of its labels does."""
    app.send_task(
        "nc_tasks.gather",
        kwargs={"submission": submission_id, "round": round},
        queue="control",
        ignore_result=True,
    )


def publish_compare(submission_id: str) -> None:
    """Ask for the comparison of a submission's repairs."""
    app.send_task("nc_tasks.compare", kwargs={"submission": submission_id}, queue="control", ignore_result=True)


def _labels(store: Store, keys: Keys, sent: Sent) -> None:
    urgencies = _urgencies(store, (submission_id for submission_id, _, _ in keys))
    for of_round, rows in groupby(sorted(keys, key=_round_of), _round_of):
        (submission_id, number), waiting = of_round, [label for _, label, _ in rows]
        publish_labels(submission_id, waiting, number, urgencies[submission_id], after=sent[of_round])
        sent[of_round] += len(waiting)


def _round_of(key: tuple[Any, ...]) -> tuple[str, int]:
    submission_id, _, number = key
    return submission_id, number


def _repairs(_: Store, keys: Keys, _sent: Sent) -> None:
    for submission_id, method in keys:
        app.send_task(
            "nc_tasks.repair",
            kwargs={"submission": submission_id, "method": method},
            queue="control",
            ignore_result=True,
        )


def _preparations(_: Store, keys: Keys, _sent: Sent) -> None:
    for (submission_id,) in keys:
        publish_start(submission_id)


def _jobs(_: Store, keys: Keys, _sent: Sent) -> None:
    for (job_id,) in keys:
        publish_job(job_id)


_PUBLISH: dict[type[Leased], Callable[[Store, Keys, Sent], None]] = {
    Preparation: _preparations,
    Label: _labels,
    Mitigation: _repairs,
    Job: _jobs,
}
