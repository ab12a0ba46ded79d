"""Bounds what a request may send, and hears out a client whose request is refused."""

import asyncio
import time
from contextlib import suppress

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.service.problems import ProblemError

SMALL_BYTES = 2**20
"""Most of a body that is no upload: it is read into memory."""
BODY = "cleanse.body"
"""Where a request's scope holds its body."""
LINGER_SECONDS = 20.0
"""How long the rest of a refused body is read and thrown away: a client that still writes while the connection closes
may never see the answer."""
SILENT_SECONDS = 2.0
"""Without a byte, after which such a client writes no more and waits for its answer."""


class Bodies:
    """ASGI middleware: 413 past the limit, told or counted, 408 for one that does not come; a refusal is sent after the
    body has ended.

    The limit is that of small bodies until a route that takes uploads, from a caller who may send them, lifts it.
    idle_seconds: without a byte, the most. pace_bytes: a second, the least on the average.
    """

    def __init__(self, app: ASGIApp, *, idle_seconds: float, pace_bytes: int) -> None:
        self._app, self._idle_seconds, self._pace_bytes = app, idle_seconds, pace_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = scope[BODY] = _Body(scope, receive, idle_seconds=self._idle_seconds, pace_bytes=self._pace_bytes)

        async def send_after(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                await body.linger()
            await send(message)

        await self._app(scope, body.receive, send_after)


def expect_upload(request: Request, most: int) -> None:
    """Let the body of this request have so many bytes; before the first of them is read."""
    body: _Body = request.scope[BODY]
    body.limit, body.advice = most, "send less, or have CLEANSE_UPLOAD_BYTES raised"


class _Body:
    """The body of one request, counted."""

    def __init__(self, scope: Scope, receive: Receive, *, idle_seconds: float, pace_bytes: int) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        self.limit, self.advice = SMALL_BYTES, "send less"
        told = headers.get(b"content-length", "")
        self._told = int(told) if told.isdecimal() else 0
        # Such a client sends nothing before it is asked to: there is nothing to hear out.
        self._coming = bool(self._told or b"transfer-encoding" in headers)
        self._ended = b"expect" in headers or not self._coming
        self._receive, self._count = receive, 0
        self._idle_seconds, self._pace_bytes, self._waited = idle_seconds, pace_bytes, 0.0

    async def receive(self) -> Message:
        """The next message; raises ProblemError past the limit, and where it does not come."""
        self._check(self._told)
        message = await self._in_time() if self._coming else await self._next()
        self._check(self._count)
        return message

    async def linger(self) -> None:
        """Read what is left for a while, and keep nothing of it; not of a client that has fallen silent."""
        until = time.monotonic() + LINGER_SECONDS
        with suppress(TimeoutError):
            while not self._ended and time.monotonic() < until:
                async with asyncio.timeout(SILENT_SECONDS):
                    await self._next()

    async def _in_time(self) -> Message:
        """The next message. Only the time counts that is waited for the client, not what is done with its bytes."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._idle_seconds):
                message = await self._next()
        except TimeoutError:
            raise self._too_slow(f"nothing came of it for {self._idle_seconds:g} s") from None
        self._waited += time.monotonic() - began
        if self._coming and self._waited > self._idle_seconds + self._count / self._pace_bytes:
            raise self._too_slow(f"it took {self._waited:.0f} s, the limit is {self._pace_bytes} bytes a second")
        return message

    def _too_slow(self, how: str) -> ProblemError:
        self._ended = True  # nobody is heard out who says nothing
        came = f"{self._count} of {self._told} bytes" if self._told else f"{self._count} bytes"
        detail = f"{came} of the body have come and {how}: send it again, at once and without a pause"
        return ProblemError(408, detail, headers={"Connection": "close"})

    def _check(self, size: int) -> None:
        if size > self.limit:
            detail = f"the body has {size} bytes or more, the limit is {self.limit}: {self.advice}"
            raise ProblemError(413, detail, limit=self.limit)

    async def _next(self) -> Message:
        message = await self._receive()
        self._count += len(message.get("body", b""))
        self._coming = self._coming and message.get("more_body", False)
        self._ended = self._ended or not message.get("more_body", False)
        return message
