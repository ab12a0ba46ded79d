"""The oldest of the least urgent messages comes to the front, on a real broker."""

from pathlib import Path

from redis import Redis

from nc_tasks.embedded.broker import start_broker
from nc_tasks.embedded.files import stack_files
from nc_tasks.messages import broker
from nc_tasks.messages.address import broker_url, socket_path
from nc_tasks.messages.app import PRIORITIES, make_app
from nc_tasks.messages.priority import bring_forward, priority_of
from nc_tasks.settings import Settings


def test_kombu_takes_next_what_was_brought_forward(tmp_path: Path) -> None:
    # Given two urgent messages, two of the tenth step and one between, in lists as kombu names them
    settings = Settings(home=tmp_path, redis_url=None, database_url=None)
    running = start_broker(settings, stack_files(settings))
    app = make_app(settings.model_copy(update={"redis_url": broker_url(settings)}))
    with app.connection_for_write() as connection, connection.SimpleQueue("labels") as queue:
        for text, priority in (("a", 0), ("y", 9), ("z", 9), ("b", 0), ("m", 4)):
            queue.put(text, priority=priority)
        # When one is brought forward
        with Redis(unix_socket_path=str(socket_path(settings))) as redis:
            bring_forward(redis, names(settings))
        # Then it is the oldest of the last, and the others come as they would have
        taken = []
        for _ in range(5):
            message = queue.get(timeout=10)
            message.ack()
            taken.append(message.payload)
    assert taken == ["y", "a", "b", "m", "z"]
    app.close()
    running.stop()


def names(settings: Settings) -> list[str]:
    """The lists of `broker.lists`, of these settings."""
    prefix = f"cleanse:{settings.store_digest}:"
    return [prefix + name.rpartition(":")[2] for name in broker.lists("labels")]


def test_twice_as_many_labels_at_every_step_of_urgency() -> None:
    found = [priority_of(position) for position in range(5000)]
    assert found == sorted(found)
    assert [found.count(priority) for priority in range(8)] == [10, 10, 20, 40, 80, 160, 320, 640]
    assert max(found) == 9


def test_given_an_urgent_submission_then_its_labels_go_before_those_of_others() -> None:
    for position in range(0, 5000, 7):
        found = [priority_of(position, urgency) for urgency in ("high", "normal", "low")]
        assert found == sorted(found)
        assert set(found) <= set(PRIORITIES)
    assert priority_of(79, "high") == priority_of(0) < priority_of(0, "low")
