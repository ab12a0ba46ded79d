"""Server-sent events (WHATWG HTML, 9.2), as far as the service uses them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from api.client.errors import ServerFailed
from api.client.types import Event


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


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ServerFailed(f"the server sent an event that is no JSON: {text[:80]!r}") from None
