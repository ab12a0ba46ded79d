"""Takes messages that are due, sends them, and writes what became of each."""

import http.client
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from nc_core.errors import OptionRefused
from nc_tasks.settings import Settings
from nc_tasks.store import Delivery, Store
from nc_tasks.store.rows import deliveries
from nc_tasks.webhooks import posting
from nc_tasks.webhooks.message import message_of

THREADS = 4
"""Messages on their way at a time."""
OF_ONE = 2
"""Of these, to one receiver: one that is slow leaves the others room."""


class Callbacks:
    """What the threads of one process send; each takes one message at a time, for itself alone."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._lock = threading.Lock()
        self._at_work: Counter[str] = Counter()

    def deliver(self) -> int:
        """Send one message after the other until none is due; returns how many were taken by their receivers."""
        delivered = 0
        while True:
            with self._next() as delivery:
                if delivery is None:
                    return delivered
                delivered += _deliver(self._store, self._settings, delivery)

    @contextmanager
    def _next(self) -> Iterator[Delivery | None]:
        """The next message that is due to a receiver with room; None without one."""
        with self._lock:
            delivery = self._take()
            mine = Counter([] if delivery is None else [receiver_of(delivery.url)])
            self._at_work += mine
        try:
            yield delivery
        finally:
            with self._lock:
                self._at_work -= mine

    def _take(self) -> Delivery | None:
        with self._store.read() as session:
            if not deliveries.any_due(session):
                return None
        busy = [receiver for receiver, messages in self._at_work.items() if messages >= OF_ONE]
        with self._store.write() as session:
            deliveries.release_ended(session)
            return deliveries.take(session, besides=busy)


def receiver_of(url: str) -> str:
    """How the addresses of one receiver begin."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _deliver(store: Store, settings: Settings, delivery: Delivery) -> bool:
    with store.write() as session:
        message = message_of(session, delivery)
    try:
        status = posting.post(delivery.url, message, allow_private=settings.callback_private)
    except OptionRefused as error:
        with store.write() as session:
            deliveries.failed(session, delivery=delivery, status=None, reason=str(error), final=True)
        return False
    except (OSError, http.client.HTTPException) as error:
        with store.write() as session:
            deliveries.failed(session, delivery=delivery, status=None, reason=_in_words(error)[:500])
        return False
    with store.write() as session:
        if 200 <= status < 300:
            deliveries.sent(session, delivery=delivery, status=status)
        else:
            deliveries.failed(session, delivery=delivery, status=status, reason=f"answered with {status}")
    return 200 <= status < 300


def _in_words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        fault = error.verify_message.rstrip(".")
        return f"its certificate is not trusted: {fault} (SSL_CERT_FILE names the authorities that are)"
    if isinstance(error, TimeoutError):
        return f"no whole answer within {posting.TOTAL_SECONDS:g} s, the limit"
    return f"{type(error).__name__}: {error}"
