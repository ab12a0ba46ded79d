"""The options of a call, held against what the command line allows, before anything is read."""

from collections.abc import Collection, Iterable
from operator import index
from typing import Any

from nc_core.errors import OptionRefused


def one_of(known: Collection[str], **named: Any) -> None:
    """Raise OptionRefused where an option is none of these."""
    for name, value in named.items():
        if value not in known:
            raise OptionRefused(f"{name} is {value!r}: pass one of {', '.join(known)}")


def within(low: float, high: float, *, ends: bool = True, **named: float | None) -> None:
    """Raise OptionRefused where an option that is given lies outside low..high. ends: whether these are allowed."""
    for name, value in named.items():
        if value is None:
            continue
        if not isinstance(value, int | float) or not (low <= value <= high if ends else low < value < high):
            bounds = f"from {low:g} to {high:g}" if ends else f"above {low:g} and below {high:g}"
            raise OptionRefused(f"{name} is {value!r}: pass a number {bounds}")


def whole(low: int, high: int, **named: int | None) -> None:
    """Raise OptionRefused where an option that is given is no whole number in low..high."""
    for name, value in named.items():
        if value is not None and not (type(value) is int and low <= value <= high):
            raise OptionRefused(f"{name} is {value!r}: pass a whole number from {low} to {high}")


def labels_of(labels: Iterable[int] | None) -> list[int] | None:
    """Labels that are given as a list, an array or the like; raises OptionRefused where they are no whole numbers."""
    try:
        return None if labels is None else [index(label) for label in labels]
    except TypeError:
        raise OptionRefused(f"labels is {labels!r:.80}: pass a list of whole numbers, such as [0, 7]") from None
