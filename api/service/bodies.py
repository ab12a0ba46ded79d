"""Bounds what a request may send, and hears out a client whose request is refused."""

import time

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


class Bodies:
    """ASGI middleware: 413 past the limit, told or counted; a refusal is sent after the body has ended.

    The limit is that of small bodies until a route that takes uploads, from a caller who may send them, lifts it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = scope[BODY] = _Body(scope, receive)

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

    def __init__(self, scope: Scope, receive: Receive) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        self.limit, self.advice = SMALL_BYTES, "send less"
        told = headers.get(b"content-length", "")
        self._told = int(told) if told.isdecimal() else 0
        # Such a client sends nothing before it is asked to: there is nothing to hear out.
        self._ended = b"expect" in headers or not (self._told or b"transfer-encoding" in headers)
        self._receive, self._count = receive, 0

    async def receive(self) -> Message:
        """The next message; raises ProblemError past the limit."""
        self._check(self._told)
        message = await self._next()
        self._check(self._count)
        return message

    async def linger(self) -> None:
        """Read what is left for a while, and keep nothing of it."""
        until = time.monotonic() + LINGER_SECONDS
        while not self._ended and time.monotonic() < until:
            await self._next()

    def _check(self, size: int) -> None:
        if size > self.limit:
            detail = f"the body has {size} bytes or more, the limit is {self.limit}: {self.advice}"
            raise ProblemError(413, detail, limit=self.limit)

    async def _next(self) -> Message:
        message = await self._receive()
        self._count += len(message.get("body", b""))
        self._ended = self._ended or not message.get("more_body", False)
        return message
