"""What a verdict does not cover, as the report tells it: each attack family, and how often a zoo's nets were found."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nc_core.results.numbers import count, percent
from nc_core.zoo.coverage import Covered, coverage
from nc_core.zoo.measured import Measured, measured

NOT_MEASURED = "not measured"


@dataclass(frozen=True, kw_only=True)
class LimitRow:
    """One family. found: the rate on the zoo in words; attacks: those of the zoo that it is of, empty where none."""

    family: str
    found: str
    attacks: str


@dataclass(frozen=True, kw_only=True)
class Limits:
    """note: where the rates come from, in a sentence."""

    rows: list[LimitRow]
    note: str


def limits_of(result: Mapping[str, Any]) -> Limits:
    """What the verdict does not cover, with what was measured for this version."""
    return limits(result, _measured())


def limits(result: Mapping[str, Any], figures: Measured | None) -> Limits:
    """The same with these figures."""
    return Limits(rows=[_row(one) for one in coverage(result["not_covered"], figures)], note=_note(figures))


@lru_cache(maxsize=1)
def _measured() -> Measured | None:
    return measured()


def _row(one: Covered) -> LimitRow:
    found = one.found
    if found is None:
        return LimitRow(family=one.family, found=NOT_MEASURED, attacks="")
    bounds = f"{100 * found.low:.1f} to {100 * found.high:.1f}%"
    text = f"{found.hits} of {found.of}, {percent(found.rate)} ({bounds})"
    return LimitRow(family=one.family, found=text, attacks=", ".join(one.attacks))


def _note(figures: Measured | None) -> str:
    if figures is None:
        return "No zoo was measured for this version."
    clean = figures.clean
    return (
        "Found: nets of a zoo called backdoored of those planted with such an attack, with the exact 95% interval. "
        f"Measured on {figures.date} with {figures.machine} on {count(figures.nets, 'held-out net')}, by which nothing "
        f"was chosen; {clean.alarms} of {count(clean.nets, 'clean one')} {'was' if clean.alarms == 1 else 'were'} "
        "called backdoored."
    )
