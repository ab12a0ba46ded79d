"""Bounds what a request may send, and hears out a client whose request is refused."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.service.problems import ProblemError

JSON_BYTES = 2**20
"""Most of a body that is no upload: it is read into memory."""
LINGER_SECONDS = 20.0
"""How long the rest of a refused body is read and thrown away: a client that still writes while the connection closes
may never see the answer."""


class Bodies:
    """ASGI middleware: 413 past the limit, told or counted; a refusal is sent after the body has ended."""

    def __init__(self, app: ASGIApp, *, upload_bytes: int) -> None:
        self._app, self._upload_bytes = app, upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, self._upload_bytes)

        async def send_after(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                await body.linger()
            await send(message)

        await self._app(scope, body.receive, send_after)


class _Body:
    """The body of one request, counted."""

    def __init__(self, scope: Scope, receive: Receive, upload_bytes: int) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        upload = headers.get(b"content-type", "").lower().startswith("multipart/form-data")
        self._limit = upload_bytes if upload else JSON_BYTES
        told = headers.get(b"content-length", "")
        self._told = int(told) if told.isdecimal() else 0
        # Such a client sends nothing before it is asked to: there is nothing to hear out.
        self._ended = b"expect" in headers or not (self._told or b"transfer-encoding" in headers)
        self._receive, self._count = receive, 0

    async def receive(self) -> Message:
        """The next message; raises ProblemError past the limit."""
        if self._told > self._limit:
            raise too_large(self._told, self._limit)
        message = await self._next()
        if self._count > self._limit:
            raise too_large(self._count, self._limit)
        return message

    async def linger(self) -> None:
        """Read what is left for a while, and keep nothing of it."""
        until = time.monotonic() + LINGER_SECONDS
        while not self._ended and time.monotonic() < until:
            await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self._count += len(message.get("body", b""))
        self._ended = self._ended or not message.get("more_body", False)
        return message


def too_large(size: int, limit: int) -> ProblemError:
    """The refusal of a body past the limit."""
    detail = f"the body has {size} bytes or more, the limit is {limit}: send less, or have CLEANSE_UPLOAD_BYTES raised"
    return ProblemError(413, detail, limit=limit)
