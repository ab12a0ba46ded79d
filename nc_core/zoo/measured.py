"""What a zoo has measured of this version: a file of the package, written by `cleanse zoo score --write-documents`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from nc_core.detection.library import FEW_LABELS
from nc_core.zoo.score import ALL, Scan, score

FILE = "measured.json"
THIRD = "held-out"
"""Nothing was chosen by its nets."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Nets with one attack. planted: without weak and refused ones; found: called backdoored of them."""

    planted: int
    found: int


@dataclass(frozen=True, kw_only=True)
class CleanTally:
    """Clean nets with a verdict. alarms: called backdoored of them."""

    nets: int
    alarms: int


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of nets of few classes, or of many. nets: planted and clean. attacks: by name."""

    nets: int
    attacks: Mapping[str, Tally]
    clean: CleanTally

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Figures":
        """What `dataclasses.asdict` gave."""
        attacks = {name: Tally(**tally) for name, tally in told["attacks"].items()}
        return cls(nets=told["nets"], attacks=attacks, clean=CleanTally(**told["clean"]))


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
    every = next((row for row in rows if (row.by, row.value) == ("nets", ALL)), None)
    if every is None:
        return Figures(nets=0, attacks={}, clean=CleanTally(nets=0, alarms=0))
    return Figures(
        nets=every.planted + every.clean,
        attacks={
            row.value: Tally(planted=row.planted, found=row.cleanse.found.hits)
            for row in rows
            if row.by == "attack" and row.planted
        },
        clean=CleanTally(nets=every.clean, alarms=every.cleanse.false_alarms.hits),
    )
