"""What labels are called for people: by their number, and the name of their class where it is known."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nc_core.results.numbers import listed

SHOWN = 40
"""Letters of a name; result.json has all of it."""
ELSEWHERE = ("class_order", "class_names", "label_outputs")
"""What preflight has found and a result says in another place, or not at all."""
_TOLD = re.compile(r"\b[Ll]abels? \d+(?:, \d+)*(?:,? and \d+(?! more))?\b|\b\d+ -> \d+\b")
"""How sentences name labels: "label 3", "Labels 3, 7", "3 -> 4"."""


def called(label: int | str, name: str | None) -> str:
    """6 -> "6 (stop)", and "6" without a name or where that is the number."""
    if not name or name == str(label):
        return str(label)
    return f"{label} ({name if len(name) <= SHOWN else name[: SHOWN - 1] + '…'})"


def named(result: Mapping[str, Any], label: int | str) -> str:
    """The same of a label of this result."""
    names = result.get("class_names") or ()  # a result of an earlier version has none
    return called(label, names[int(label)] if int(label) < len(names) else None)


def all_named(result: Mapping[str, Any], labels: Iterable[int]) -> str:
    """ "3 (stop), 7 and 9"."""
    return listed([named(result, label) for label in labels])


def row_named(row: Mapping[str, Any]) -> str:
    """The same as `called` of a row of result.json's "labels"."""
    return called(row["label"], row.get("name"))


def sentence_named(sentence: str, names: Sequence[str] | None) -> str:
    """ "Label 6 can be reached ..." -> "Label 6 (stop) can be reached ...". names: of the classes, where known.

    Detection and repairs know numbers alone.
    """

    def one(number: re.Match[str]) -> str:
        label = int(number[0])
        return called(number[0], names[label] if names and label < len(names) else None)

    return _TOLD.sub(lambda told: re.sub(r"\d+", one, told[0]), sentence)
