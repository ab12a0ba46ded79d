"""What a server answers instead of what was asked for, and what becomes of a file at an address.

CleanseError
├── InputRefused
│   ├── ServerRefused    the server will not have it: what was sent, or what was asked for, is at fault
│   └── AddressRefused   the address is none, names no file of the kind that is wanted, or one that is too large
├── ServerFailed         the server cannot be reached, has no time, does not know the key, or has failed
└── FetchFailed          who has the file cannot be reached, or has failed
"""

from typing import Any

from nc_core.errors import CleanseError, InputRefused

REFUSALS = frozenset((400, 404, 405, 409, 410, 413, 415, 421, 422))
"""Statuses that say the same however often one asks."""


class ServerRefused(InputRefused):
    """Raised when asking again would be answered alike. status: HTTP's."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class AddressRefused(InputRefused):
    """Raised when no file that may be fetched is at an address."""


class FetchFailed(CleanseError):
    """Raised when a file did not come whole, and may come at another time."""


class ServerFailed(CleanseError):
    """Raised when the input may be right and the server cannot tell. status: HTTP's, None where nothing answered."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


def error_of(status: int, problem: Any) -> ServerRefused | ServerFailed:
    """The error of an answer. problem: its body, a problem detail (RFC 9457) where a Cleanse server answered."""
    told = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    text = " ".join(str(told).split())[:1000] if told else f"the server answered with HTTP status {status}"
    if status == 401:
        text += "; set CLEANSE_KEY"
    return ServerRefused(text, status) if status in REFUSALS else ServerFailed(text, status)
