"""What a scan finds and what it does not, as the report tells it: each attack family, and how many of a zoo's nets with
it were found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nc_core.detection.library import FEW_LABELS
from nc_core.results.numbers import MISSING, count
from nc_core.zoo.coverage import Covered, coverage
from nc_core.zoo.measured import Figures, Measured, measured
from nc_core.zoo.statistics import Rate

NOT_MEASURED = "not measured"
NOT_COVERED, LOOKED_FOR, CLEAN = "Not covered, or not wholly", "Looked for", "Clean nets, and those called backdoored"


@dataclass(frozen=True, kw_only=True)
class LimitRow:
    """One family, or the clean nets of one number of classes.

    nets: planted ones on which the attack works, or clean ones; found: called backdoored of them; interval: exact, of
    95%; exact: with exactly the planted labels. attacks: those of the zoo behind it, empty where none was measured.
    """

    family: str
    nets: str
    found: str
    interval: str
    exact: str
    attacks: str = ""

    @property
    def measured(self) -> bool:
        """Whether there were nets of it."""
        return self.nets != NOT_MEASURED


@dataclass(frozen=True, kw_only=True)
class LimitGroup:
    """Rows under one heading."""

    title: str
    rows: list[LimitRow]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """note: where the figures come from, in two sentences."""

    groups: list[LimitGroup]
    note: str


def limits_of(result: Mapping[str, Any]) -> Limits:
    """What the verdict covers and what it does not, with what was measured for this version."""
    return limits(result["not_covered"], _measured(), classes=result["model"]["classes"])


def limits(not_covered: Sequence[str], figures: Measured | None, *, classes: int) -> Limits:
    """The same with these figures: those of nets with about as many classes."""
    known = None if figures is None else figures.of(classes)
    families = coverage(not_covered, known)
    groups = [
        LimitGroup(title=NOT_COVERED, rows=[_row(one) for one in families if not one.looked_for]),
        LimitGroup(title=LOOKED_FOR, rows=[_row(one) for one in families if one.looked_for]),
        LimitGroup(title=CLEAN, rows=_clean(known)),
    ]
    return Limits(groups=[group for group in groups if group.rows], note=_note(figures, classes))


@lru_cache(maxsize=1)
def _measured() -> Measured | None:
    return measured()


def _row(one: Covered) -> LimitRow:
    if one.tally is None:
        return LimitRow(family=one.family, nets=NOT_MEASURED, found=MISSING, interval=MISSING, exact=MISSING)
    missing = f"; {NOT_MEASURED}: {', '.join(one.missing)}" if one.missing else ""
    return LimitRow(
        family=one.family,
        nets=str(one.tally.planted),
        found=str(one.tally.found),
        interval=_interval(one.tally.rate),
        exact=str(one.tally.exact),
        attacks=f"{', '.join(one.attacks)}{missing}",
    )


def _clean(known: Figures | None) -> list[LimitRow]:
    return [
        LimitRow(
            family=f"{classes} classes",
            nets=str(tally.nets),
            found=str(tally.alarms),
            interval=_interval(tally.rate),
            exact=MISSING,
        )
        for classes, tally in ({} if known is None else known.clean).items()
    ]


def _interval(rate: Rate) -> str:
    return f"{100 * rate.low:.1f} to {100 * rate.high:.1f}%"


def _note(figures: Measured | None, classes: int) -> str:
    known = None if figures is None else figures.of(classes)
    if figures is None or known is None or not known.nets:
        return "No zoo of nets with so many classes was measured for this version."
    less = "fewer than" if classes < FEW_LABELS else "at least"
    return (
        f"Measured on {figures.date} with {figures.machine} on {count(known.nets, 'held-out net')} of {less} "
        f"{FEW_LABELS} classes, by which nothing was chosen. Found: called backdoored, of the nets on which the attack "
        "works, with the exact 95% interval."
    )
