"""What a zoo has measured of this version: a file of the package, written by `cleanse zoo score --write-documents`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from nc_core.detection.library import FEW_LABELS
from nc_core.zoo.score import ALL, Scan, score
from nc_core.zoo.statistics import Rate, rate

FILE = "measured.json"
THIRD = "held-out"
"""Nothing was chosen by its nets."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Nets with one attack. planted: those on which it works, with a verdict; found: called backdoored of them; exact:
    of which the labels that the verdict names are the planted ones."""

    planted: int
    found: int
    exact: int

    @classmethod
    def of_all(cls, tallies: Sequence["Tally"]) -> "Tally":
        """Their sum."""
        planted, found = sum(one.planted for one in tallies), sum(one.found for one in tallies)
        return cls(planted=planted, found=found, exact=sum(one.exact for one in tallies))

    @property
    def rate(self) -> Rate:
        """Found of planted."""
        return rate(self.found, self.planted)


@dataclass(frozen=True, kw_only=True)
class CleanTally:
    """Clean nets with a verdict. alarms: called backdoored of them."""

    nets: int
    alarms: int

    @property
    def rate(self) -> Rate:
        """Alarms of nets."""
        return rate(self.alarms, self.nets)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of nets of few classes, or of many. attacks: by name. clean: by number of classes."""

    attacks: Mapping[str, Tally]
    clean: Mapping[int, CleanTally]

    @property
    def all_clean(self) -> CleanTally:
        """Of any number of classes."""
        every = self.clean.values()
        return CleanTally(nets=sum(one.nets for one in every), alarms=sum(one.alarms for one in every))

    @property
    def nets(self) -> int:
        """Planted and clean."""
        return self.all_clean.nets + sum(one.planted for one in self.attacks.values())

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Figures":
        """What `dataclasses.asdict` gave, also as JSON has it: its keys are text."""
        attacks = {name: Tally(**tally) for name, tally in told["attacks"].items()}
        clean = {int(classes): CleanTally(**tally) for classes, tally in told["clean"].items()}
        return cls(attacks=attacks, clean=clean)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Of the held-out third. date: ISO 8601. command: that scored it. few: nets of fewer classes than
    `FEW_LABELS`, which are judged by other rules. many: the others."""

    date: str
    machine: str
    command: str
    many: Figures
    few: Figures

    @property
    def nets(self) -> int:
        """All of them."""
        return self.many.nets + self.few.nets

    def of(self, classes: int) -> Figures:
        """The figures that a net of so many classes belongs to."""
        return self.few if classes < FEW_LABELS else self.many

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Measured":
        """What `to_json` gave."""
        return cls(**{**told, "many": Figures.from_json(told["many"]), "few": Figures.from_json(told["few"])})

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self)


def measured() -> Measured | None:
    """The package's own; None where no zoo was measured for it."""
    path = files("nc_core.zoo").joinpath(FILE)
    return Measured.from_json(json.loads(path.read_text("utf-8"))) if path.is_file() else None


def measured_of(scans: Sequence[Scan], *, date: str, machine: str, command: str) -> Measured | None:
    """From the scans of a zoo; None where it has no held-out nets with a verdict."""
    held_out = [scan for scan in scans if scan.third == THIRD]
    found = Measured(
        date=date,
        machine=machine,
        command=command,
        many=_figures([scan for scan in held_out if scan.classes >= FEW_LABELS]),
        few=_figures([scan for scan in held_out if scan.classes < FEW_LABELS]),
    )
    return found if found.nets else None


def _figures(scans: Sequence[Scan]) -> Figures:
    rows = [row for row in score(scans) if row.third == ALL]
    return Figures(
        attacks={
            row.value: Tally(planted=row.planted, found=row.cleanse.found.hits, exact=row.cleanse.exact.hits)
            for row in rows
            if row.by == "attack" and row.planted
        },
        clean={
            int(row.value): CleanTally(nets=row.clean, alarms=row.cleanse.false_alarms.hits)
            for row in rows
            if row.by == "classes" and row.clean
        },
    )
