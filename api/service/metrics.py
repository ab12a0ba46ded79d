"""What Prometheus reads: the store's numbers, never a submission's or a label's name."""

import threading
import time
from collections.abc import Iterable, Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from nc_tasks.store import Store
from nc_tasks.store.queries.measures import Measures, measure
from nc_tasks.store.tables.states import (
    LABEL_ENDS,
    JobState,
    LabelState,
    MitigationState,
    SubmissionState,
    Verdict,
)

FRESH_SECONDS = 2.0
"""How old an answer may be: several who ask at once cost one look."""
HEARD_SECONDS = 30.0
"""A worker that was not heard of for so long does not count; they report every second."""
QUEUES = ("labels", "control")


class Rising:
    """Turns numbers of rows into counters: what is deleted was there all the same, and a counter never falls."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._risen: dict[str, int] = {}

    def __call__(self, now: Mapping[str, int]) -> Mapping[str, int]:
        """The counters after these numbers; they begin at 0 with the first ones."""
        for name, number in now.items():
            grown = number - self._last.get(name, number if not self._last else 0)
            self._risen[name] = self._risen.get(name, 0) + max(0, grown)
        self._last = dict(now)
        return self._risen


class Metrics:
    """The metrics of one process of the HTTP service; `text` is what it answers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._ended, self._verdicts = Rising(), Rising()
        self._text, self._until = b"", 0.0

    def text(self) -> bytes:
        """All metrics in Prometheus' text format; raises what the database raises."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._text = self._read()
                self._until = time.monotonic() + FRESH_SECONDS
            return self._text

    def _read(self) -> bytes:
        with self._store.read() as session:
            found = measure(session, within_seconds=HEARD_SECONDS)
        registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(namespace="cleanse_api", registry=registry)
        registry.register(_Fixed([*_gauges(found), *self._counters(found)]))
        return generate_latest(registry)

    def _counters(self, found: Measures) -> Iterable[Metric]:
        ended: dict[str, int] = {state: found.labels.get(state, 0) for state in LABEL_ENDS}
        verdicts: dict[str, int] = {verdict: found.verdicts.get(verdict, 0) for verdict in get_args(Verdict)}
        yield _counter(
            "cleanse_labels_ended", "Labels that have ended since this process began.", "state", self._ended(ended)
        )
        yield _counter("cleanse_verdicts", "Detections since this process began.", "verdict", self._verdicts(verdicts))


class _Fixed:
    """A collector of what was read beforehand."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """What the registry asks for."""
        return self._families


def _gauges(found: Measures) -> Iterable[Metric]:
    for name, what, states, numbers in (
        ("cleanse_submissions", "Submissions by state.", get_args(SubmissionState), found.submissions),
        ("cleanse_labels", "Labels by state, in all rounds.", get_args(LabelState), found.labels),
        ("cleanse_repairs", "Repairs by state.", get_args(MitigationState), found.repairs),
        ("cleanse_jobs", "Jobs outside scans by state.", get_args(JobState), found.jobs),
    ):
        yield _gauge(name, what, "state", {state: numbers.get(state, 0) for state in states})
    workers = {queue: found.workers.get(queue, 0) for queue in QUEUES}
    yield _gauge("cleanse_workers", f"Workers heard of in the last {HEARD_SECONDS:.0f} s.", "queue", workers)
    used = min(found.labels.get("running", 0), found.slots)
    slots = {"used": used, "free": found.slots - used}
    yield _gauge("cleanse_slots", "Slots of the label workers that were heard of.", "state", slots)
    if found.oldest_seconds is not None:
        what = "Since the submission was made that has waited longest for a worker."
        yield GaugeMetricFamily("cleanse_oldest_queued_seconds", what, value=found.oldest_seconds)
    if found.sweeper_seconds is not None:
        what = "Since a sweeper last looked for lost work."
        yield GaugeMetricFamily("cleanse_sweeper_age_seconds", what, value=found.sweeper_seconds)


def _gauge(name: str, what: str, label: str, numbers: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=[label])
    for value, number in numbers.items():
        family.add_metric([value], number)
    return family


def _counter(name: str, what: str, label: str, numbers: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, what, labels=[label])
    for value, number in numbers.items():
        family.add_metric([value], number)
    return family
