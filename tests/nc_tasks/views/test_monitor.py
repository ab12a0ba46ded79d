"""What Flower's rows say, by themselves and on the page of a real Flower."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from nc_core.scanning.rounds import RANGE_ROUNDS
from nc_tasks.embedded.broker import start_broker
from nc_tasks.embedded.files import stack_files
from nc_tasks.embedded.flower import CONFIGURATION
from nc_tasks.embedded.processes import wait_until
from nc_tasks.errors import StoreUnusable
from nc_tasks.messages.address import broker_url, socket_path
from nc_tasks.messages.app import make_app
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import Detection, LabelKey, Store, Submission, open_store
from nc_tasks.store.rows import detections, labels, lifecycle, submissions
from nc_tasks.views import monitor
from nc_tasks.views.monitor import TaskRows

COLUMNS = ("name", "kwargs", "result", "state", "received", "runtime", "worker")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, redis_url=None, database_url=None)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


@pytest.fixture
def submission(store: Store) -> str:
    """A scan of three labels: 0 waits, 1 is done and judged, 2 did not converge."""
    with store.write() as session:
        submission_id = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256="a" * 64, name="<b>bad</b>net.h5"),
                data=StoredFile(sha256="d" * 64, name="clean.npz"),
                options=ScanOptions(),
            ),
        ).id
        for state in ("preparing", "inverting"):
            lifecycle.set_state(session, submission_id=submission_id, state=state, classes=3)
        labels.create(session, submission_id=submission_id, labels=range(3), round=0, updates_budget=600)
        for label, state, norm in ((1, "done", 7.42), (2, "not_converged", 400.0)):
            key = LabelKey(submission_id=submission_id, label=label, round=0)
            attempt = labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3)
            assert attempt is not None
            labels.finish(session, key=key, attempt=attempt, state=state, updates=1, norm=norm)  # type: ignore[arg-type]
        body = {
            "verdict": "backdoored",
            "reason": "label 1",
            "p_value": 0.001,
            "flagged_labels": [1],
            "labels": [{"label": 1, "anomaly_index": 4.16}, {"label": 2, "anomaly_index": None}],
        }
        detections.record(session, submission_id=submission_id, body=body)
    return submission_id


def arguments(submission: str, **more: Any) -> str:
    """As Celery's events show them."""
    return repr({"submission": submission, **more})


def test_given_tasks_then_each_row_says_what_the_store_knows(store: Store, submission: str) -> None:
    rows, model = TaskRows(lambda: store), "<b>bad</b>net.h5"
    for label, told in (
        (0, f"queued · label 0 of 3 · {model}"),
        (1, f"done · norm 7.4 · anomaly index 4.2 · label 1 of 3 · {model}"),
        (2, f"not_converged · norm 400.0 · label 2 of 3 · {model}"),
    ):
        assert rows.describe(arguments(submission, label=label, round=0)) == told
    assert rows.describe(arguments(submission, label=1, round=2)) == (
        f"unknown · judged norm 7.4 · anomaly index 4.2 · label 1 of 3 · round 2 · {model}"
    )
    assert rows.describe(arguments(submission)) == f"{model} · inverting · backdoored"
    assert rows.describe(arguments(submission, method="unlearning")) == f"{model} · unlearning · inverting · backdoored"


def test_given_a_label_that_was_confirmed_then_each_round_says_its_norm_and_whose_the_index_is(
    store: Store, submission: str
) -> None:
    # Given a second round, whose norm was judged, and one that failed and takes nothing away
    with store.write() as session:
        for number, state, norm in ((1, "done", 9.13), (2, "failed", None)):
            labels.create(session, submission_id=submission, labels=[1], round=number, updates_budget=600)
            key = LabelKey(submission_id=submission, label=1, round=number)
            attempt = labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3)
            assert attempt is not None
            labels.finish(session, key=key, attempt=attempt, state=state, updates=1, norm=norm)  # type: ignore[arg-type]
    rows = TaskRows(lambda: store)
    told = [(rows.describe(arguments(submission, label=1, round=each)) or "").split(" · label")[0] for each in range(3)]
    assert told == [
        "done · norm 7.4 · judged norm 9.1 · anomaly index 4.2",
        "done · norm 9.1 · anomaly index 4.2",
        "failed · judged norm 9.1 · anomaly index 4.2",
    ]


@pytest.mark.parametrize("text", ["", "{}", "{'job': 'abc'}", "{'submission': 'ffffffffffff', 'label': 1}", "{'submi"])
def test_given_a_task_of_nothing_that_the_store_has_then_the_row_stays_as_it_is(store: Store, text: str) -> None:
    assert TaskRows(lambda: store).describe(text) is None


def test_given_a_page_of_rows_of_one_submission_then_the_store_is_asked_once(store: Store, submission: str) -> None:
    rows, statements = TaskRows(lambda: store), []
    event.listen(store.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    for _ in range(50):
        for label in range(3):
            rows.describe(arguments(submission, label=label, round=0))
    assert len([text for text in statements if text.startswith("SELECT")]) == 2


def test_given_a_store_that_is_away_then_a_page_asks_once_and_goes_on_when_it_is_back(
    store: Store, submission: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, away = [], True

    def opened() -> Store:
        asked.append(1)
        if away:
            raise StoreUnusable("away")
        return store

    rows = TaskRows(opened)
    for label in range(3):
        assert rows.describe(arguments(submission, label=label, round=0)) is None
    assert len(asked) == 1
    away = False
    monkeypatch.setattr(monitor, "FRESH_SECONDS", 0.0)
    rows = TaskRows(opened)
    assert rows.describe(arguments(submission, label=0, round=0)) is not None


@contextmanager
def flower(settings: Settings, socket: Path) -> Iterator[httpx.Client]:
    """A real Flower on the embedded broker, and a client of it."""
    command = [sys.executable, "-P", "-m", "celery", "-A", "nc_tasks.messages.app", "flower"]
    options = [f"--conf={CONFIGURATION}", f"--unix_socket={socket}"]
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, **settings.environment(), "PYTHONPATH": root}
    log = settings.home / "flower.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *options], env=environment, stdout=output, stderr=output)
    try:
        transport = httpx.HTTPTransport(uds=str(socket))
        with httpx.Client(transport=transport, base_url="http://flower/flower", timeout=30) as client:
            assert wait_until(lambda: process.poll() is not None or socket.exists(), 60), log.read_text()
            yield client
    finally:
        process.terminate()
        process.wait(10)


def rows(client: httpx.Client, search: str) -> list[dict[str, Any]]:
    """What the page of tasks gets for this search."""
    query = {
        "draw": 1,
        "start": 0,
        "length": 50,
        "search[value]": search,
        "order[0][column]": 0,
        "order[0][dir]": "asc",
    }
    columns = {f"columns[{number}][data]": name for number, name in enumerate(COLUMNS)}
    answer = client.get("/tasks/datatable", params={**query, **columns})
    answer.raise_for_status()
    return answer.json()["data"]


def test_given_a_real_flower_then_one_label_is_found_by_search_with_norm_and_anomaly_index(
    settings: Settings, submission: str
) -> None:
    broker = start_broker(settings, stack_files(settings))
    settings = settings.model_copy(update={"redis_url": broker_url(settings)})
    app = make_app(settings)
    try:
        with flower(settings, socket_path(settings).with_name("flower.sock")) as client:

            def seen() -> bool:
                """Flower knows what was sent since it listens: it remembers nothing."""
                app.send_task("nc_tasks.start", kwargs={"submission": submission}, queue="control", ignore_result=True)
                return bool(rows(client, f"kwargs:submission={submission}"))

            assert wait_until(seen, 60)
            for label in (1, 11, 42):
                sent = {"submission": submission, "label": label, "round": 0}
                app.send_task("nc_tasks.invert_label", kwargs=sent, queue="labels", ignore_result=True)
            search = f"kwargs:submission={submission} kwargs:label=1"
            assert wait_until(lambda: bool(rows(client, search)), 20)
            assert wait_until(lambda: len(rows(client, "name:invert_label")) == 3, 20)
            # Then exactly one, of three labels two of which begin alike
            (row,) = rows(client, search)
            assert row["result"] == "done · norm 7.4 · anomaly index 4.2 · label 1 of 3 · <b>bad</b>net.h5"
            assert row["kwargs"] == arguments(submission, label=1, round=0)
            # And no label's number is a name in the metrics, and nothing can be controlled
            metrics = client.get("/metrics").text
            assert "flower_events_total" in metrics
            assert submission not in metrics
            assert client.post("/api/task/revoke/" + row["uuid"]).status_code in (401, 403)
            page = client.get("/tasks").text
            assert [name for name in COLUMNS if f'data-column="{name}"' in page] == list(COLUMNS)
    finally:
        app.close()
        broker.stop()


def test_a_task_of_a_second_value_range_says_which_and_shows_its_own_index_and_class(
    store: Store, submission: str
) -> None:
    # Given a label that was looked at in a second range too, and a verdict that knows both
    second = LabelKey(submission_id=submission, label=1, round=RANGE_ROUNDS)
    with store.write() as session:
        row = session.get_one(Submission, submission)
        ranges_of = [{"value_range": "0..1"}, {"value_range": "0..255"}]
        row.preflight = {"range": 0, "ranges": ranges_of, "class_names": ["stop", "give way", "yield"]}
        labels.create(session, submission_id=submission, labels=[1], round=second.round, updates_budget=600)
        attempt = labels.claim(session, key=second, worker_id="w", lease_seconds=60, max_attempts=3)
        assert attempt is not None
        labels.finish(session, key=second, attempt=attempt, state="done", updates=10, norm=40.0)
        found = session.get_one(Detection, submission)
        ranges = [{"labels": [{"label": 1, "anomaly_index": index}]} for index in (4.2, 0.5)]
        found.body = {**found.body, "range": 0, "ranges": ranges}
    rows = TaskRows(lambda: store)
    told = {
        number: rows.describe(str({"submission": submission, "label": 1, "round": number}))
        for number in (0, second.round)
    }
    assert told[0] is not None
    assert "norm 7.4 · anomaly index 4.2 · label 1 (give way) of 3 · range 0..1" in told[0]
    assert told[second.round] is not None
    assert "norm 40.0 · anomaly index 0.5 · label 1 (give way) of 3 · range 0..255" in str(told[second.round])
