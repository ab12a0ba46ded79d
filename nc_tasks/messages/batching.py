"""Many messages in few round trips: the labels of a round, maybe ten thousand, are all sent by one process.

Celery asks the broker twice for each task, once to take the message and once to tell those who watch; every answer is
waited for. Inside `together` the messages of a `BatchedTask` are gathered in pipelines of the Redis client, and the
events in lists, as Celery's own workers send theirs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from celery import Celery, Task
from kombu.utils.functional import retry_over_time
from redis.exceptions import ConnectionError, TimeoutError

AT_ONCE = 100
"""Messages in one round trip: the first workers begin while the rest is written."""
PATIENCE = {"max_retries": 10, "interval_start": 0.2, "interval_step": 0.2, "interval_max": 1.0}
"""With a broker that is started again (seconds): eight in all."""


class _Batch:
    """What the messages of one block go through: a connection of their own."""

    def __init__(self, app: Celery, connection: Any) -> None:
        channel = connection.default_channel
        with channel.conn_or_acquire() as client:
            self._pipeline = client.pipeline(transaction=False)
        self._lost: Exception | None = None
        channel.conn_or_acquire = self._gather
        self.producer = app.amqp.Producer(channel)
        self._events = app.events.Dispatcher(channel=channel, buffer_group={"task"}, buffer_limit=AT_ONCE)

    def publish(self, type: str, fields: dict[str, Any], *_: object, **__: object) -> None:
        """Gather an event: what Celery calls of an event dispatcher."""
        self._events.send(type, **fields)

    def flush(self) -> None:
        """Send what is left."""
        self._events.flush()
        self._send()

    @contextmanager
    def _gather(self, client: Any = None) -> Iterator[Any]:
        """In place of a client that waits for every answer, for the channel that has none to look at."""
        yield self._pipeline if client is None else client
        if len(self._pipeline) >= AT_ONCE:
            self._send()

    def _send(self) -> None:
        """One round trip, repeated while the broker is away for a moment: a message that comes twice does no harm."""
        if self._lost is not None:
            raise self._lost
        commands = list(self._pipeline.command_stack)

        def attempt() -> None:
            self._pipeline.command_stack = list(commands)
            self._pipeline.execute()

        try:
            retry_over_time(attempt, (ConnectionError, TimeoutError), **PATIENCE)
        except Exception as error:
            # Gone are all that were gathered, and who sends an event is not told: whatever comes next is.
            self._lost = error
            raise


_batch: ContextVar[_Batch | None] = ContextVar("batch", default=None)


class BatchedTask(Task):  # type: ignore[misc]
    """A task whose messages are sent together where they are sent inside `together`."""

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """As Celery's own."""
        batch = _batch.get()
        if batch is not None:
            # No second try of Celery's: it would bring one message of those that were lost.
            options = {**options, "producer": batch.producer, "event_dispatcher": batch, "retry": False}
        return super().apply_async(*args, **options)


@contextmanager
def together(app: Celery) -> Iterator[None]:
    """Send the messages of this block together; all are with the broker at its end, or it raises."""
    with app.connection_for_write() as connection:
        batch = _Batch(app, connection)
        token = _batch.set(batch)
        try:
            yield
        finally:
            _batch.reset(token)
        batch.flush()
