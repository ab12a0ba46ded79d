"""Sending together, on a real broker: what arrives is what Celery alone would have sent."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, chord
from kombu.exceptions import OperationalError
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError

from nc_tasks.embedded.broker import start_broker
from nc_tasks.embedded.files import stack_files
from nc_tasks.embedded.processes import wait_until
from nc_tasks.messages import batching
from nc_tasks.messages.address import socket_path
from nc_tasks.messages.app import make_app
from nc_tasks.messages.batching import AT_ONCE, BatchedTask, together
from nc_tasks.settings import Settings

COUNT = 2 * AT_ONCE + 50


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, redis_url=None, database_url=None)


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    """The broker, as its client sees it."""
    broker = start_broker(settings, stack_files(settings))
    with Redis(unix_socket_path=str(socket_path(settings)), decode_responses=True) as client:
        yield client
    broker.stop()


@pytest.fixture
def app(redis: Redis, settings: Settings) -> Iterator[Celery]:  # noqa: ARG001  the broker must run
    app = make_app(settings)
    app.task(name="batched", base=BatchedTask)(nothing)
    # Nobody waits for results here, and they may be collected when the broker has ended.
    app.backend.result_consumer.consume_from = app.backend.result_consumer.cancel_for = nothing
    yield app
    app.close()


def nothing(*_: object, **__: object) -> None:
    """A task's body; nobody runs it here."""


def header(app: Celery) -> list[Any]:
    return [app.signature("batched", kwargs={"label": label}, queue="labels") for label in range(COUNT)]


def waiting(redis: Redis, queue: str) -> int:
    return sum(redis.llen(key) for key in redis.scan_iter(f"*:{queue}") if redis.type(key) == "list")


def test_a_chord_that_is_sent_together_arrives_whole(app: Celery, redis: Redis) -> None:
    # When more messages than fit into one round trip are sent together
    with together(app):
        chord(header(app), app=app)(app.signature("batched", queue="control", immutable=True))
        # Then full round trips have left before the end
        assert AT_ONCE <= waiting(redis, "labels") < COUNT
    # And at the end all are there, as is the size of the chord, and no callback yet
    assert waiting(redis, "labels") == COUNT
    (size,) = redis.scan_iter("*.s")
    assert int(redis.get(size)) == COUNT
    assert waiting(redis, "control") == 0


def test_those_who_watch_learn_of_every_task(app: Celery, redis: Redis) -> None:
    # Given somebody who listens to events
    seen: list[int] = []

    def listen() -> None:
        with app.connection_for_read() as connection:
            receiver = app.events.Receiver(connection, handlers={"task-sent": lambda event: seen.append(event["uuid"])})
            receiver.capture(limit=None, timeout=3, wakeup=False)

    listener = threading.Thread(target=_until_quiet, args=(listen,))
    listener.start()
    assert wait_until(lambda: redis.pubsub_numpat() > 0, 10)
    # When messages are sent together
    with together(app):
        sent = [signature.apply_async(ignore_result=True).id for signature in header(app)]
    # Then each was told of
    listener.join()
    assert sorted(seen) == sorted(sent)


def _until_quiet(listen: Any) -> None:
    try:
        listen()
    except TimeoutError:
        return


def test_outside_the_block_a_message_is_sent_at_once(app: Celery, redis: Redis) -> None:
    with together(app):
        pass
    header(app)[0].apply_async(ignore_result=True)
    assert waiting(redis, "labels") == 1


def test_an_error_inside_the_block_is_raised_and_what_was_gathered_is_not_sent(app: Celery, redis: Redis) -> None:
    with pytest.raises(ZeroDivisionError):
        send_and_fail(app)
    assert waiting(redis, "labels") == 0


def test_a_broker_that_is_away_for_a_moment_costs_no_message(
    app: Celery, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a broker that does not answer twice
    away(monkeypatch, times=2)
    # When messages are sent together, then all arrive
    send(app)
    assert waiting(redis, "labels") == COUNT


def test_when_the_broker_stays_away_then_nobody_may_believe_that_all_was_sent(
    app: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a broker that comes back only after our patience, for the messages that follow
    monkeypatch.setitem(batching.PATIENCE, "max_retries", 1)
    away(monkeypatch, times=2)
    with pytest.raises(OperationalError, match="away"):
        send(app)


def away(monkeypatch: pytest.MonkeyPatch, *, times: int) -> None:
    """Let that many round trips fail, as the Redis client does: what was gathered is forgotten."""
    execute, errors = Pipeline.execute, iter([ConnectionError("away")] * times)

    def failing(pipeline: Pipeline, *arguments: Any) -> Any:
        if len(pipeline) > 10:  # no short question about the queue
            for error in errors:
                pipeline.reset()
                raise error
        return execute(pipeline, *arguments)

    monkeypatch.setattr(Pipeline, "execute", failing)
    monkeypatch.setitem(batching.PATIENCE, "interval_start", 0.0)
    monkeypatch.setitem(batching.PATIENCE, "interval_step", 0.0)


def send(app: Celery) -> None:
    with together(app):
        for signature in header(app):
            signature.apply_async(ignore_result=True)


def send_and_fail(app: Celery) -> None:
    with together(app):
        header(app)[0].apply_async(ignore_result=True)
        raise ZeroDivisionError
