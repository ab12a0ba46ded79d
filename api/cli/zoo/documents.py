"""Writes what a zoo has measured into the source: the package's figures, and those of the page of benchmarks."""

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nc_core
from nc_core.errors import OptionRefused
from nc_core.machine import machine_bytes
from nc_core.results.folder import write_file
from nc_core.results.numbers import count
from nc_core.zoo.measured import FILE, THIRD, Measured, measured_of
from nc_core.zoo.score import Row, Scan, score
from nc_core.zoo.statistics import Rate
from nc_tasks.capacity import processors

BENCHMARKS = Path("docs/benchmarks")
"""In a checkout; docs/generate/benchmarks.py says what its files hold."""
BOUNDS = ("at least, %", "at most, %")
COLUMNS = ("planted", "found", "found, %", *BOUNDS, "clean", "called backdoored", "called backdoored, %", *BOUNDS)


def checkout() -> Path:
    """The source checkout that this program runs from; raises OptionRefused where it runs from anything else."""
    root = Path(nc_core.__file__).parents[1]
    if not (root / "pyproject.toml").is_file():
        raise OptionRefused(f"--write-documents writes into a source checkout, {root} is none: run it from one")
    if not (root / BENCHMARKS).is_dir():
        raise OptionRefused(f"--write-documents writes into {root / BENCHMARKS}, which is no folder: make it")
    return root


def write_documents(
    root: Path, scans: Sequence[Scan], origin: Mapping[str, Any], *, folder: Path, anew: bool = False
) -> None:
    """Write both.

    root: of `checkout`. scans: of the whole zoo. origin: of its plan. folder: the zoo's, by its name alone. anew: its
    scans were judged by today's rules.

    Raises OptionRefused where the zoo has no held-out nets.
    """
    command = f"cleanse zoo score {folder.resolve().name} {'--rejudge ' if anew else ''}--write-documents"
    figures = measured_of(scans, date=f"{datetime.now(UTC):%Y-%m-%d}", machine=machine(), command=command)
    if figures is None:
        raise OptionRefused(f"{folder} has no held-out nets with a verdict: build more of it, --nets 6 at least")
    text = json.dumps(figures.to_json(), indent=2) + "\n"
    write_file(root / "nc_core" / "zoo" / FILE, lambda path: path.write_text(text, "utf-8"))
    whole = json.dumps(benchmark(figures, score(scans), origin), indent=2) + "\n"
    write_file(root / BENCHMARKS / "zoo.json", lambda path: path.write_text(whole, "utf-8"))


def machine() -> str:
    """Processors and memory that this process may use."""
    return f"{count(len(processors()), 'core')} ({platform.machine()}), {machine_bytes() / 2**30:.0f} GiB"


def benchmark(figures: Measured, rows: Sequence[Row], origin: Mapping[str, Any]) -> dict[str, Any]:
    """What docs/benchmarks holds of a zoo: where the figures come from, and a table of the held-out third."""
    data = ", ".join(source["name"] for source in origin["sources"])
    scored = {"date": figures.date, "machine": figures.machine, "command": figures.command, "commit": None, "note": ""}
    held_out = [{"run": "scored", "cells": _cells(row)} for row in rows if row.third == THIRD]
    return {
        "title": "A zoo of nets with known answers",
        "text": [
            f"The {figures.nets} held-out nets of a zoo of seed {origin['seed']} on {data}, by which nothing was "
            "chosen. The bounds are those of the exact 95% interval."
        ],
        "runs": {"scored": scored},
        "tables": [{"title": "", "text": "", "columns": ["held-out nets", *COLUMNS], "rows": held_out}],
    }


def _cells(row: Row) -> list[Any]:
    """Of a row of nets with one attack the clean ones are those of all rows, and left out."""
    clean = [None] * 5 if row.by == "attack" else [row.clean, *_shares(row.cleanse.false_alarms)]
    return [f"{row.by}: {row.value}", row.planted, *_shares(row.cleanse.found), *clean]


def _shares(rate: Rate) -> list[float | None]:
    """Hits, share and its bounds in per cent; nothing of no nets."""
    if rate.rate is None:
        return [None] * 4
    return [rate.hits, *(round(100 * share, 1) for share in (rate.rate, rate.low, rate.high))]
