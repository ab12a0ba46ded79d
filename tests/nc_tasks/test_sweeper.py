"""What a look of the sweeper sets in motion, on a real store and a real broker."""

import gc
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.backends.redis import ResultConsumer
from redis import Redis
from sqlalchemy import update

from nc_tasks import sweeper
from nc_tasks.embedded.broker import start_broker
from nc_tasks.embedded.files import stack_files
from nc_tasks.messages import broker, publishing
from nc_tasks.messages.address import broker_url, socket_path
from nc_tasks.messages.app import make_app
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import Label, LabelKey, Store, open_store
from nc_tasks.store.recovery import expired
from nc_tasks.store.rows import jobs, labels, lifecycle, outbox, preparations, submissions
from nc_tasks.store.tables.types import now
from nc_tasks.sweeper import Swept
from tests.benchmarks.fanout import prepared
from tests.servers.databases import database_url as database_url

COUNT = 12


@pytest.fixture
def settings(tmp_path: Path, database_url: str | None) -> Settings:
    return Settings(home=tmp_path, redis_url=None, database_url=database_url, lease_seconds=60.0)


@pytest.fixture
def redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """This home's broker as its client sees it; messages go there, and nobody takes them."""
    running = start_broker(settings, stack_files(settings))
    app = make_app(settings.model_copy(update={"redis_url": broker_url(settings)}))
    for module in (broker, publishing):
        monkeypatch.setattr(module, "app", app)
    monkeypatch.setattr("nc_tasks.messages.app.app", app)
    monkeypatch.setattr(broker, "get_settings", lambda: settings)
    # Nobody waits for results here, and they may be collected when the broker has ended.
    for name in ("consume_from", "cancel_for"):
        monkeypatch.setattr(ResultConsumer, name, lambda *_: None)
    with Redis(unix_socket_path=str(socket_path(settings)), decode_responses=True) as client:
        yield client
    gc.collect()
    app.close()
    running.stop()


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


@pytest.fixture
def inverting(store: Store) -> str:
    """A submission with twelve labels that wait and were never sent."""
    submission_id = prepared(store, COUNT)
    with store.write() as session:
        labels.create(session, submission_id=submission_id, labels=range(COUNT), round=0, updates_budget=9)
        assert lifecycle.set_state(session, submission_id=submission_id, state="inverting", round=0)
    return submission_id


def sweep(store: Store, settings: Settings) -> Swept:
    """One look, which is left where nothing is open: it may not have missed anything."""
    quiet = sweeper.is_quiet(store, settings)
    swept = sweeper.sweep(store, settings)
    assert not (quiet and swept)
    return swept


def waiting(redis: Redis) -> Counter[str]:
    """Messages by task."""
    found: Counter[str] = Counter()
    for key in redis.scan_iter("cleanse:*"):
        if redis.type(key) == "list":
            for message in redis.lrange(key, 0, -1):
                found.update(task for task in TASKS if f'"{task}"' in message)
    return found


TASKS = ("nc_tasks.start", "nc_tasks.invert_label", "nc_tasks.gather", "nc_tasks.repair", "nc_tasks.run_job")


def long_ago(store: Store, **where: Any) -> None:
    """Let the messages of all labels have been sent longer ago than anybody waits."""
    with store.write() as session:
        moment = now(session)
        session.execute(update(Label).values(published_at=moment.replace(year=2000), **where))


def end_all(store: Store, submission_id: str, *, round: int = 0) -> None:
    for label in range(COUNT):
        key = LabelKey(submission_id=submission_id, label=label, round=round)
        with store.write() as session:
            attempt = labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3)
            assert attempt is not None
            labels.finish(session, key=key, attempt=attempt, state="not_converged", updates=1)


def test_labels_that_were_never_sent_are_sent_once(
    store: Store, settings: Settings, redis: Redis, inverting: str
) -> None:
    assert sweep(store, settings) == Swept(requeued=0, sent=COUNT, steps=0)
    assert not sweep(store, settings)
    assert waiting(redis) == {"nc_tasks.invert_label": COUNT}
    with store.read() as session:
        rows = labels.of_round(session, submission_id=inverting, round=0)
    assert {row.epoch for row in rows} == {broker.epoch()}


@pytest.mark.usefixtures("inverting")
def test_two_sweepers_send_everything_once(store: Store, settings: Settings, redis: Redis) -> None:
    # Given labels without messages, a round that has ended, and two sweepers that look at the same instant
    other = prepared(store, COUNT + 1)
    ready, swept = threading.Barrier(2), list[Swept]()

    def look() -> None:
        ready.wait(10)
        swept.append(sweep(store, settings))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Then between them they have done everything once
    assert sum(one.sent for one in swept) == COUNT
    assert sum(one.steps for one in swept) == 1
    assert waiting(redis) == {"nc_tasks.invert_label": COUNT, "nc_tasks.start": 1}
    with store.read() as session:
        assert submissions.get(session, submission_id=other).nudged_at is not None


@pytest.mark.usefixtures("inverting")
def test_what_a_wiped_broker_had_is_sent_again_and_only_then(store: Store, settings: Settings, redis: Redis) -> None:
    sweep(store, settings)
    redis.flushall()
    assert sweep(store, settings).sent == COUNT
    assert waiting(redis) == {"nc_tasks.invert_label": COUNT}
    # However long they wait
    long_ago(store)
    assert not sweep(store, settings)


@pytest.mark.usefixtures("inverting")
def test_messages_that_are_gone_while_the_broker_remembers_are_missed_when_its_queue_is_empty(
    store: Store, settings: Settings, redis: Redis
) -> None:
    sweep(store, settings)
    redis.delete(*broker.lists("labels"))
    # Just sent, they may be on their way to a worker
    assert not sweep(store, settings)
    long_ago(store)
    assert sweep(store, settings).sent == COUNT


@pytest.mark.usefixtures("inverting")
def test_labels_beyond_one_batch_are_each_sent_once_in_the_order_of_their_round(
    store: Store, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given more labels than a batch has, and a sender that is slower than others wait
    monkeypatch.setattr(outbox, "AT_ONCE", 5)
    # When they are sent
    sent = publishing.send(store, Label, patience_seconds=0, lost=True)
    # Then each has one message, and ten of them go before those of other rounds
    assert sent == COUNT
    assert waiting(redis)["nc_tasks.invert_label"] == COUNT
    assert redis.llen(broker.lists("labels")[0]) == 10


@pytest.mark.usefixtures("redis", "inverting")
def test_what_a_sender_that_died_had_marked_is_sent_after_a_while(store: Store, settings: Settings) -> None:
    # Given a worker that has marked labels as being sent
    with store.write() as session:
        needy = outbox.unsent(Label, epoch=broker.epoch(), moment=now(session), patience_seconds=60, lost=False)
        outbox.take(session, Label, needy=needy)
    assert not sweep(store, settings)
    # When that was long ago
    long_ago(store)
    # Then it has died, and another sends them
    assert sweep(store, settings).sent == COUNT


def test_a_broker_that_is_away_costs_no_mark(
    store: Store, settings: Settings, redis: Redis, inverting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> str:
        raise ConnectionError("away")

    end_all(store, inverting)
    with monkeypatch.context() as patch:
        patch.setattr(broker, "epoch", away)
        with pytest.raises(ConnectionError):
            sweep(store, settings)
    assert sweep(store, settings).steps == 1
    assert waiting(redis) == {"nc_tasks.gather": 1}


def test_a_round_that_has_ended_is_gathered_until_somebody_does(
    store: Store, settings: Settings, redis: Redis, inverting: str
) -> None:
    end_all(store, inverting)
    for _ in range(3):
        sweep(store, settings)
    assert waiting(redis) == {"nc_tasks.gather": 1}
    impatient = settings.model_copy(update={"lease_seconds": 0.001})
    time.sleep(0.01)
    sweep(store, impatient)
    assert waiting(redis) == {"nc_tasks.gather": 2}


def test_a_submission_and_a_job_whose_client_died_are_begun(store: Store, settings: Settings, redis: Redis) -> None:
    # Given a client that has stored what it wants, and has sent no message
    with store.write() as session:
        submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256="a" * 64, name="m.h5"),
                data=StoredFile(sha256="b" * 64, name="d.npz"),
                options=ScanOptions(),
            ),
        )
        jobs.create(session, kind="classify", arguments={})
    # Then the sweeper leaves it the time to do so
    assert not sweep(store, settings)
    # And does it itself when that is over
    time.sleep(0.01)
    assert sweep(store, settings.model_copy(update={"lease_seconds": 0.001})).sent == 2
    assert waiting(redis) == {"nc_tasks.start": 1, "nc_tasks.run_job": 1}


@pytest.mark.usefixtures("redis")
def test_a_preparation_that_is_given_up_fails_its_submission(store: Store, settings: Settings) -> None:
    with store.write() as session:
        made = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256="a" * 64, name="m.h5"),
                data=StoredFile(sha256="b" * 64, name="d.npz"),
                options=ScanOptions(),
            ),
        )
    for _ in range(settings.max_attempts):
        with store.write() as session:
            assert preparations.claim(
                session, submission_id=made.id, worker_id="w", lease_seconds=-1, max_attempts=settings.max_attempts
            )
        assert sweep(store, settings).requeued == 1
    with store.read() as session:
        found = submissions.get(session, submission_id=made.id)
        assert not expired.any_expired(session)
    assert found.state == "failed"
    assert "given up after 3 attempts (limit 3)" in (found.reason or "")


def test_it_never_loads_tensorflow() -> None:
    program = "import sys, nc_tasks.sweeper; print([m for m in sys.modules if m in ('tensorflow', 'keras', 'jax')])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
