"""Server-sent events (WHATWG HTML, 9.2), as far as the service uses them."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from api.client.errors import ServerFailed
from api.client.types import Event

AGAIN_SECONDS = 2.0
"""Before a watcher whose connection broke off asks again."""
LOST = 5
"""Connections of a watcher that may break in a row."""


def parse(lines: Iterable[str]) -> Iterator[Event]:
    """Events from the lines of a stream; comments, which keep the connection alive, are passed over."""
    kind, data = "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield Event(event=kind, data=_value("\n".join(data)))
            kind, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            data.append(value)


def followed(
    connect: Callable[[], Iterator[Event]], has_ended: Callable[[], bool], sleep: Callable[[float], None]
) -> Iterator[Event]:
    """Events until what is watched has ended; a connection that breaks off is made again.

    Raises ServerFailed where several in a row break without an event between them.
    """
    lost = 0
    while True:
        try:
            for event in connect():
                lost = 0
                yield event
        except ServerFailed:
            lost += 1
            if lost >= LOST:
                raise
        if has_ended():
            return
        sleep(AGAIN_SECONDS)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ServerFailed(f"the server sent an event that is no JSON: {text[:80]!r}") from None
