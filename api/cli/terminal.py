"""What is written to the terminal: results to stdout, progress and complaints to stderr."""

import json
import sys
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


class Stream:
    """One of the two, as a console of rich that is loaded when something is first printed."""

    def __init__(self, *, stderr: bool) -> None:
        self._stderr = stderr

    @cached_property
    def console(self) -> "Console":
        """The console itself, for bars."""
        from rich.console import Console

        return Console(stderr=self._stderr, highlight=False, markup=False, soft_wrap=True)

    @property
    def is_terminal(self) -> bool:
        """Whether somebody looks."""
        return self.console.is_terminal

    def print(self, *what: Any) -> None:
        """Print texts or tables, and end the line."""
        self.console.print(*what)


out = Stream(stderr=False)
"""Results: what a pipe may read."""
err = Stream(stderr=True)
"""Progress, and the one line of an error."""


def complain(message: str) -> None:
    """One line on stderr."""
    print(f"cleanse: {printable(' '.join(message.split()))}", file=sys.stderr)


def print_json(value: Any) -> None:
    """For programs."""
    print(json.dumps(value, indent=2))


def printable(text: Any) -> str:
    """The text without characters that would steer a terminal: a file's name is its author's."""
    return "".join(letter if letter.isprintable() else "�" for letter in str(text))


def local_time(text: str) -> str:
    """A moment of the store, by the clock of this machine."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M")


def table(*names: str) -> "Table":
    """An empty table with these columns, no lines drawn."""
    from rich.table import Table

    return Table(*names, box=None, pad_edge=False)
