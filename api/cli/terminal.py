"""What is written to the terminal: results to stdout, progress and complaints to stderr."""

import sys
from typing import Any

from rich.console import Console

out = Console(highlight=False, markup=False, soft_wrap=True)
"""Results: what a pipe may read."""
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
"""Progress, and the one line of an error."""


def complain(message: str) -> None:
    """One line on stderr."""
    print(f"cleanse: {printable(' '.join(message.split()))}", file=sys.stderr)


def printable(text: Any) -> str:
    """The text without characters that would steer a terminal: a file's name is its author's."""
    return "".join(letter if letter.isprintable() else "�" for letter in str(text))
