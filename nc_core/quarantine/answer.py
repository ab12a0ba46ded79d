"""What the child says to its parent: one short line, believed no more than the file that it read."""

import json
from dataclasses import asdict, dataclass
from typing import Literal, get_args

Outcome = Literal["read", "refused", "memory", "fault", "unconfined"]
"""read: the result lies in the output. refused: `text` is the reader's line. memory: the limit was reached. fault:
the reader raised what no reader should; `text` says what, for the log alone. unconfined: nothing was read, since the
process cannot be locked in."""

BYTES = 4096
"""Of a whole answer."""
CHARACTERS = 1000
"""Of its text."""


@dataclass(frozen=True)
class Answer:
    """`text` belongs to the outcome; with "read" it says what the system lacks to confine the reader, or nothing."""

    outcome: Outcome
    text: str = ""

    def encode(self) -> bytes:
        """The line, ASCII; a longer text is cut."""
        return json.dumps(asdict(Answer(self.outcome, _plain(self.text)[: CHARACTERS // 2]))).encode()


def decode(said: bytes) -> Answer | None:
    """The answer; None where that is none."""
    try:
        found = json.loads(said[:BYTES])
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or set(found) != {"outcome", "text"}:
        return None
    outcome, text = found["outcome"], found["text"]
    if outcome not in get_args(Outcome) or not isinstance(text, str) or len(text) > CHARACTERS:
        return None
    return Answer(outcome, _plain(text))


def _plain(text: str) -> str:
    """Printable, on one line."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
