"""Connections that do nothing are ended: uvicorn's own protocol with the two times that it lacks.

uvicorn ends a connection that is idle between two requests (`timeout_keep_alive`). It waits without end for the head of
a request, and for a client that does not read its answer.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from nc_tasks.settings import Settings

TIMED_OUT = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    b"the head of the request did not come in time: send it at once\n"
)


class Connection(H11Protocol):
    """One connection of a client.

    head_seconds: for the head of a request, counted from its first byte, or from the connection's begin.
    reading_seconds: a client may leave an answer unread before its connection is cut.
    """

    head_seconds = 10.0
    reading_seconds = 60.0

    _head: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """From here on a head is waited for."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        for timer in (self._head, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; what is no whole head yet must become one in time."""
        super().data_received(data)
        if self._answering:
            self._head_is_there()
        elif self._head is None and not self.transport.is_closing():
            self._await_head()

    def on_response_complete(self) -> None:
        """An answer is out; a head that came with the request before has begun already."""
        super().on_response_complete()
        if self._answering:
            self._head_is_there()

    def pause_writing(self) -> None:
        """The client reads more slowly than it is sent."""
        self.flow.pause_writing()
        self._unread = self.loop.call_later(self.reading_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        self.flow.resume_writing()

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.head_seconds, self._too_late)

    def _head_is_there(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _too_late(self) -> None:
        self._head = None
        if self._answering or self.transport.is_closing():
            return
        # Said to whoever has begun: a browser opens connections that it may never use.
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self.transport.write(TIMED_OUT)
        self.transport.close()


def connection_of(settings: Settings) -> type[Connection]:
    """The protocol with the times of these settings."""
    times = {"head_seconds": settings.head_seconds, "reading_seconds": settings.reading_seconds}
    return type("Connection", (Connection,), times)
