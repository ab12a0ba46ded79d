"""What Flower shows of a task: Celery knows its arguments, the store knows the model, the label's state and its norm.

Flower asks for each row of a page by itself, so what one row needs is read for the whole submission, and kept for a
moment.
"""

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from nc_core.errors import CleanseError
from nc_core.results.names import called
from nc_core.scanning.rounds import range_of, within_range
from nc_tasks.settings import get_settings
from nc_tasks.store import Detection, Label, Store, Submission, open_store
from nc_tasks.store.queries.findings import last_rounds

log = logging.getLogger(__name__)

KEPT = 64
"""Submissions of which rows are kept."""
FRESH_SECONDS = 2.0
"""How old what is shown may be."""
SUBMISSION = re.compile(r"'submission': '([0-9a-f]{12})'")
LABEL = re.compile(r"'label': (\d+)")
ROUND = re.compile(r"'round': (\d+)")
METHOD = re.compile(r"'method': '([a-z-]+)'")


@dataclass(frozen=True, kw_only=True)
class _Known:
    """A submission as it stood at a moment.

    labels: state and norm by label and round. judged: of each value range, label -> round whose norm the detection
    took. indices: of each, anomaly indices. ranges: their names where there are several. names: of the classes, if
    anybody has said them.
    """

    model: str
    state: str
    verdict: str | None
    classes: int | None
    labels: dict[tuple[int, int], tuple[str, float | None]]
    judged: dict[int, dict[int, int]]
    indices: dict[int, dict[int, float | None]]
    ranges: list[str]
    names: list[str] | None


class TaskRows:
    """What is known of tasks, from the store that `open` gives at the first question."""

    def __init__(self, open: Callable[[], Store]) -> None:
        self._open = open
        self._store: Store | None = None
        self._kept: OrderedDict[str, tuple[float, _Known | None]] = OrderedDict()
        self._away_until = 0.0

    def describe(self, arguments: str) -> str | None:
        """What a task is about, in a line; None where the store does not know it, or is away.

        arguments: the task's keyword arguments as Celery's events show them.
        """
        found = SUBMISSION.search(arguments)
        known = None if found is None else self._known(found[1])
        if known is None:
            return None
        label, method = LABEL.search(arguments), METHOD.search(arguments)
        if label is not None:
            return _of_label(known, int(label[1]), int((ROUND.search(arguments) or ["", "0"])[1]))
        return " · ".join(filter(None, (known.model, method and method[1], known.state, known.verdict)))

    def _known(self, submission_id: str) -> _Known | None:
        moment = time.monotonic()
        kept = self._kept.get(submission_id)
        if kept is None or moment - kept[0] >= FRESH_SECONDS:
            if moment < self._away_until:
                return None
            kept = moment, self._read(submission_id)
            self._kept[submission_id] = kept
        self._kept.move_to_end(submission_id)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept[1]

    def _read(self, submission_id: str) -> _Known | None:
        try:
            if self._store is None:
                self._store = self._open()
            with self._store.read() as session:
                return _read(session, submission_id)
        except (SQLAlchemyError, CleanseError) as error:
            # A page has a hundred rows: the others do not wait for it too.
            self._away_until = time.monotonic() + FRESH_SECONDS
            log.warning("the store does not answer, tasks are shown as Celery has them: %s", error)
            return None


def _read(session: Session, submission_id: str) -> _Known | None:
    row = session.execute(
        select(
            *(Submission.model_name, Submission.state, Submission.classes, Submission.preflight),
            *(Detection.verdict, Detection.body),
        )
        .outerjoin(Detection, Detection.submission_id == Submission.id)
        .where(Submission.id == submission_id)
    ).one_or_none()
    if row is None:
        return None
    model, state, classes, preflight, verdict, body = row
    labels = session.execute(
        select(Label.label, Label.round, Label.state, Label.norm)
        .where(Label.submission_id == submission_id)
        .order_by(Label.label, Label.round)
    ).all()
    by_range: dict[int, list[Any]] = {}
    for one in labels:
        by_range.setdefault(range_of(one.round), []).append(one)
    ranges = [one["value_range"] for one in (preflight or {}).get("ranges", ())]
    return _Known(
        model=model,
        state=state,
        verdict=verdict,
        classes=classes,
        labels={(row.label, row.round): (row.state, row.norm) for row in labels},
        judged={number: {one.label: one.round for one in last_rounds(rows)} for number, rows in by_range.items()},
        indices=_indices(body or {"labels": []}),
        ranges=ranges if len(ranges) > 1 else [],
        names=(preflight or {}).get("class_names"),
    )


def _indices(body: Mapping[str, Any]) -> dict[int, dict[int, float | None]]:
    # A verdict of an earlier version is that of one range.
    ranges = body.get("ranges") or [body]
    return {
        number: {entry["label"]: entry["anomaly_index"] for entry in one["labels"]} for number, one in enumerate(ranges)
    }


def _of_label(known: _Known, label: int, round: int) -> str:
    state, norm = known.labels.get((label, round), ("unknown", None))
    number, within = range_of(round), within_range(round)
    index = known.indices.get(number, {}).get(label)
    judged = known.judged.get(number, {}).get(label)
    name = called(label, known.names[label] if known.names and label < len(known.names) else None)
    parts = (
        # What is asked for most stands first: Flower cuts long texts off.
        state,
        None if norm is None else f"norm {norm:.1f}",
        # The index is that of the round that was judged, which may have found another norm than this one.
        None if index is None or judged in (None, round) else f"judged norm {known.labels[label, judged][1]:.1f}",
        None if index is None else f"anomaly index {index:.1f}",
        f"label {name}" if known.classes is None else f"label {name} of {known.classes}",
        f"round {within}" if within else None,
        f"range {known.ranges[number]}" if known.ranges else None,
        known.model,
    )
    return " · ".join(part for part in parts if part)


@cache
def _rows() -> TaskRows:
    return TaskRows(lambda: open_store(get_settings()))


def format_task(task: Any) -> Any:
    """For Flower's option of this name: the task, whose result says what the store knows of it."""
    told = _rows().describe(str(task.kwargs or ""))
    if told is not None:
        task.result = told
    return task
