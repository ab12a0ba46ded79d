"""What Prometheus reads of the service."""

import re
from collections.abc import Callable

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from api.service import metrics
from api.service.metrics import Rising
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import Label, LabelKey, Store
from nc_tasks.store.queries.measures import SWEEPER
from nc_tasks.store.rows import detections, labels, lifecycle, submissions, workers
from nc_tasks.store.tables.types import ClockIn
from tests.api.service.conftest import MakeKey

Read = Callable[[], dict[str, float]]


@pytest.fixture
def read(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Read:
    """The metrics as `name{label}` -> value, read anew each time."""
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)

    def read() -> dict[str, float]:
        answer = client.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
        families = text_string_to_metric_families(answer.text)
        samples = (sample for family in families for sample in family.samples)
        return {" ".join((sample.name, *sample.labels.values())): sample.value for sample in samples}

    return read


def scan(store: Store, count: int) -> str:
    """A submission with so many labels, all waiting."""
    with store.write() as session:
        made = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256="a" * 64, name="secret-name.h5"),
                data=StoredFile(sha256="b" * 64, name="d"),
                options=ScanOptions(),
                force=True,
            ),
        )
        for state in ("preparing", "inverting"):
            lifecycle.set_state(session, submission_id=made.id, state=state)  # type: ignore[arg-type]
        labels.create(session, submission_id=made.id, labels=range(count), round=0, updates_budget=1)
    return made.id


def end(store: Store, submission_id: str, label: int) -> None:
    key = LabelKey(submission_id=submission_id, label=label, round=0)
    with store.write() as session:
        attempt = labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3)
        assert attempt is not None
        labels.finish(session, key=key, attempt=attempt, state="done", updates=1, norm=1.0)


def test_given_an_empty_store_then_every_number_is_there_and_zero(read: Read) -> None:
    found = read()
    for name in (
        "cleanse_submissions queued",
        "cleanse_labels running",
        "cleanse_slots used",
        "cleanse_workers labels",
    ):
        assert found[name] == 0
    for name in ("cleanse_labels_ended_total done", "cleanse_verdicts_total backdoored"):
        assert found[name] == 0
    assert found["cleanse_api_process_resident_memory_bytes"] > 2**20
    assert "cleanse_sweeper_age_seconds" not in found


def test_given_work_then_queue_slots_and_ends_are_counted(store: Store, read: Read) -> None:
    # Given a label worker of four slots that has two of ten labels, and a sweeper
    read()
    submission = scan(store, 10)
    with store.write() as session:
        for queue, pid, slots in (("labels", 1, 4), ("control", 2, 1), (SWEEPER, 3, 1)):
            workers.register(session, worker_id=queue, queue=queue, pid=pid, host="h", version="v", slots=slots)
    for label in range(3):
        end(store, submission, label)
    with store.write() as session:
        running = update(Label).where(Label.label.in_((3, 4)))
        session.execute(running.values(state="running", lease_until=ClockIn(60)))
        body = {"verdict": "backdoored", "reason": "r", "p_value": 0.0, "flagged_labels": [1], "labels": []}
        detections.record(session, submission_id=submission, body=body)
    # Then
    found = read()
    assert {name: found[f"cleanse_labels {name}"] for name in ("queued", "running", "done")} == {
        "queued": 5,
        "running": 2,
        "done": 3,
    }
    assert (found["cleanse_slots used"], found["cleanse_slots free"]) == (2, 2)
    assert (found["cleanse_workers labels"], found["cleanse_workers control"]) == (1, 1)
    assert found["cleanse_labels_ended_total done"] == 3
    assert found["cleanse_verdicts_total backdoored"] == 1
    assert found["cleanse_submissions inverting"] == 1
    assert 0 <= found["cleanse_sweeper_age_seconds"] < 60


def test_given_any_work_then_no_metric_names_a_submission_a_label_or_a_file(
    store: Store, client: httpx.Client, read: Read
) -> None:
    submission = scan(store, 3)
    read()
    text = client.get("/metrics").text
    assert submission not in text
    assert "secret-name" not in text
    assert set(re.findall(r"(\w+)=", text)) <= {"state", "verdict", "queue"}


def test_given_numbers_that_fall_then_the_counter_of_them_does_not() -> None:
    rising = Rising()
    assert rising({"done": 5}) == {"done": 0}
    assert rising({"done": 8}) == {"done": 3}
    assert rising({"done": 2}) == {"done": 3}
    assert rising({"done": 3}) == {"done": 4}


def test_given_keys_then_one_that_may_read_is_needed(client: httpx.Client, make_key: MakeKey) -> None:
    reader = make_key("monitor", "read")
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers=make_key("other", "submit")).status_code == 403
    assert client.get("/metrics", headers=reader).status_code == 200
