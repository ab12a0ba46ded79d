"""What a zoo has measured of this version: a file of the package, written by `cleanse zoo score --write-documents`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from nc_core.zoo.score import ALL, Row

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
class Measured:
    """Of the held-out third. date: ISO 8601. command: that scored it. nets: planted and clean. attacks: by name."""

    date: str
    machine: str
    command: str
    nets: int
    attacks: Mapping[str, Tally]
    clean: CleanTally

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Measured":
        """What `to_json` gave."""
        attacks = {name: Tally(**tally) for name, tally in told["attacks"].items()}
        return cls(**{**told, "attacks": attacks, "clean": CleanTally(**told["clean"])})

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self)


def measured() -> Measured | None:
    """The package's own; None where no zoo was measured for it."""
    path = files("nc_core.zoo").joinpath(FILE)
    return Measured.from_json(json.loads(path.read_text("utf-8"))) if path.is_file() else None


def measured_of(rows: Sequence[Row], *, date: str, machine: str, command: str) -> Measured | None:
    """From the rows of a score; None where it has no held-out nets with a verdict."""
    held_out = [row for row in rows if row.third == THIRD]
    every = next((row for row in held_out if (row.by, row.value) == ("nets", ALL)), None)
    if every is None or not every.planted + every.clean:
        return None
    return Measured(
        date=date,
        machine=machine,
        command=command,
        nets=every.planted + every.clean,
        attacks={
            row.value: Tally(planted=row.planted, found=row.cleanse.found.hits)
            for row in held_out
            if row.by == "attack" and row.planted
        },
        clean=CleanTally(nets=every.clean, alarms=every.cleanse.false_alarms.hits),
    )
