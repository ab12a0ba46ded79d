"""What a verdict does not cover, as the report tells it: each attack family, and how often a zoo's nets were found."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nc_core.detection.library import FEW_LABELS
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
    """The same with these figures: those of nets with about as many classes."""
    classes = result["model"]["classes"]
    known = None if figures is None else figures.of(classes)
    return Limits(rows=[_row(one) for one in coverage(result["not_covered"], known)], note=_note(figures, classes))


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


def _note(figures: Measured | None, classes: int) -> str:
    known = None if figures is None else figures.of(classes)
    if figures is None or known is None or not known.nets:
        return "No zoo of nets with so many classes was measured for this version."
    clean, less = known.clean, "fewer than" if classes < FEW_LABELS else "at least"
    return (
        "Found: nets of a zoo called backdoored of those planted with such an attack, with the exact 95% interval. "
        f"Measured on {figures.date} with {figures.machine} on {count(known.nets, 'held-out net')} of {less} "
        f"{FEW_LABELS} classes, by which nothing was chosen; {clean.alarms} of {count(clean.nets, 'clean one')} "
        f"{'was' if clean.alarms == 1 else 'were'} called backdoored."
    )
