"""Labels as text such as "0-79,90": how they are asked for, stored and answered, however many they are."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from nc_core.class_names import MAX_LABELS
from nc_core.errors import OptionRefused

MAX_RANGES = 1_000
"""Ranges of one text: it is a part of every answer about the submission."""


def parse_labels(text: str) -> tuple[int, ...]:
    """The labels of the text, sorted and without repeats; raises OptionRefused."""
    return tuple(label for first, last in _ranges(text) for label in range(first, last + 1))


def _ranges(text: str) -> list[tuple[int, int]]:
    """First and last label of each range: sorted, and as few as can be."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(_range(part) for part in text.replace(" ", "").split(",")):
        if joined and first <= joined[-1][1] + 1:
            first, last = joined[-1][0], max(joined.pop()[1], last)
        joined.append((first, last))
    if len(joined) > MAX_RANGES:
        raise OptionRefused(
            f"labels have {len(joined)} ranges, the limit is {MAX_RANGES}: pass fewer, longer ones, or scan all labels"
        )
    return joined


def _range(part: str) -> tuple[int, int]:
    first, dash, last = part.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise OptionRefused(f"labels: {part[:80]!r} is no label; write numbers and ranges such as 0-79,90")
    # Digits first: Python takes long over a number of a million digits, and refuses to.
    if max(len(first), len(last)) > 20 or not int(first) <= int(last or first) < MAX_LABELS:
        raise OptionRefused(
            f"labels: {part[:80]!r} is no range of labels; it must rise, and end below {MAX_LABELS}, the limit"
        )
    return int(first), int(last or first)


def _written(ranges: Iterable[tuple[int, int]]) -> str:
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def _as_ranges(value: Any) -> str:
    """The shortest text of labels that are given as text or one by one."""
    if isinstance(value, (list, tuple, set)) and value and all(type(label) is int for label in value):
        value = ",".join(map(str, value))
    if not isinstance(value, str):
        raise ValueError("input should be numbers from 0, or text such as 0-79,90")
    return _written(_ranges(value))


LabelRanges = Annotated[
    str,
    BeforeValidator(_as_ranges),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "exclusiveMaximum": MAX_LABELS},
            "minItems": 1,
            "maxItems": MAX_RANGES,
            "description": "Target labels, one by one or as text such as 0-79,90; they are answered as such a text.",
        }
    ),
]
"""A field of labels: taken as text or one by one, kept as the shortest text."""
