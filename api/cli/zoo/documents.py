"""Writes what a zoo has measured into the source: the package's figures, and those of the page of benchmarks."""

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any

import nc_core
from api.cli.zoo import families
from nc_core.detection.library import FEW_LABELS
from nc_core.errors import OptionRefused
from nc_core.machine import machine_bytes
from nc_core.results.folder import write_file
from nc_core.results.numbers import count
from nc_core.zoo.archive import pack
from nc_core.zoo.measured import FILE, THIRD, Measured, measured_of
from nc_core.zoo.score import FEW, MANY, Row, Scan, score
from nc_core.zoo.statistics import Rate
from nc_tasks.capacity import processors

BENCHMARKS = Path("docs/benchmarks")
"""In a checkout; docs/generate/benchmarks.py says what its files hold."""
SCANS = "zoo.tar.xz"
BOUNDS = ("at least, %", "at most, %")
COLUMNS = (
    *("planted", "found", "found, %", *BOUNDS, "exactly the planted labels"),
    *("clean", "called backdoored", "called backdoored, %", *BOUNDS),
    *("inconclusive", "AUROC", "plain: planted found", "plain: clean flagged"),
)
README, LIMITS = Path("README.md"), Path("docs/pages/limits.md")
BEGIN, END = "<!-- of a zoo -->\n", "<!-- end -->"
"""What stands between the marks is written here."""
README_WIDTH = 128


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
) -> tuple[Path, ...]:
    """Write the package's figures, those of the page of benchmarks, the scans behind them, the tables of attack
    families on the page of limits, and sentences of the README.

    root: of `checkout`. scans: of the whole zoo. origin: of its plan. folder: the zoo's, by its name alone. anew: its
    scans were judged by today's rules. Returns what was written.

    Raises OptionRefused where the zoo has no held-out nets, or one of the pages no place for them.
    """
    command = f"cleanse zoo score {folder.resolve().name} {'--rejudge ' if anew else ''}--write-documents"
    figures = measured_of(scans, date=f"{datetime.now(UTC):%Y-%m-%d}", machine=machine(), command=command)
    if figures is None:
        raise OptionRefused(f"{folder} has no held-out nets with a verdict: build more of it, --nets 6 at least")
    rows = [row for row in score(scans) if row.third == THIRD]
    written = {
        README: fill(in_words(figures, rows), README_WIDTH, break_on_hyphens=False),
        LIMITS: families.page(figures),
    }
    pages = {root / name: between_marks(root, name, text) for name, text in written.items()}
    package = json.dumps(figures.to_json(), indent=2) + "\n"
    whole = json.dumps(benchmark(figures, rows, origin), indent=2) + "\n"
    writers: dict[Path, Callable[[Path], object]] = {
        root / "nc_core" / "zoo" / FILE: lambda path: path.write_text(package, "utf-8"),
        root / BENCHMARKS / "zoo.json": lambda path: path.write_text(whole, "utf-8"),
        root / BENCHMARKS / SCANS: lambda path: pack(folder, path),
        **{page: partial(Path.write_text, data=text, encoding="utf-8") for page, text in pages.items()},
    }
    for path, write in writers.items():
        write_file(path, write)
    return tuple(writers)


def machine() -> str:
    """Processors and memory that this process may use."""
    return f"{count(len(processors()), 'core')} ({platform.machine()}), {machine_bytes() / 2**30:.0f} GiB"


def benchmark(figures: Measured, rows: Sequence[Row], origin: Mapping[str, Any]) -> dict[str, Any]:
    """What docs/benchmarks holds of a zoo: where the figures come from, and a table of the held-out third's rows."""
    data = ", ".join(source["name"] for source in origin["sources"])
    scored = {"date": figures.date, "machine": figures.machine, "command": figures.command, "commit": None, "note": ""}
    held_out = [{"run": "scored", "cells": _cells(row)} for row in rows]
    return {
        "title": "A zoo of nets with known answers",
        "text": [
            f"The {figures.nets} held-out nets of a zoo of seed {origin['seed']} on {data}, by which nothing was "
            "chosen. The bounds are those of the exact 95% interval. Plain: the paper's own rule, an anomaly index "
            "above 2, on the same scans. What the scans have measured is in zoo.tar.xz."
        ],
        "runs": {"scored": scored},
        "tables": [{"title": "", "text": "", "columns": ["held-out nets", *COLUMNS], "rows": held_out}],
    }


def in_words(figures: Measured, rows: Sequence[Row]) -> str:
    """The same in a few sentences. rows: of the held-out third."""
    of_nets = {row.value: row for row in rows if row.by == "nets"}
    few, many = of_nets[FEW], of_nets[MANY]
    return (
        f"On {count(figures.nets, 'held-out net')}, by which nothing was chosen ({figures.date}, "
        f"[figures](docs/benchmarks/zoo.json)): with {FEW_LABELS} classes and more {_called(many)} were called "
        f"backdoored, {many.cleanse.exact.hits} with exactly the planted labels; with fewer {_called(few)}, "
        f"and {few.inconclusive} scans were inconclusive without `--twins`."
    )


def _called(row: Row) -> str:
    found, alarms = row.cleanse.found, row.cleanse.false_alarms
    return f"{found.hits} of {count(found.of, 'backdoor')} and {alarms.hits} of {count(alarms.of, 'clean net')}"


def between_marks(root: Path, name: Path, text: str) -> str:
    """A page of the checkout with this text between its marks; raises OptionRefused where they are missing."""
    page = root / name
    before, begin, rest = page.read_text("utf-8").partition(BEGIN) if page.is_file() else ("", "", "")
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise OptionRefused(f"{name} has no place for the figures of a zoo: put {BEGIN.strip()} and {END} into it")
    return f"{before}{begin}{text}\n{end}{after}"


def _cells(row: Row) -> list[Any]:
    """Of a row of nets with one attack the clean ones are those of all rows, and left out."""
    of_attack = row.by == "attack"
    clean = [None] * 5 if of_attack else [row.clean, *_shares(row.cleanse.false_alarms)]
    area = None if of_attack or row.cleanse.auroc is None else round(row.cleanse.auroc, 3)
    planted, flagged = row.cleanse.exact, row.plain.false_alarms
    return [
        *(f"{row.by}: {row.value}", row.planted, *_shares(row.cleanse.found), planted.hits if planted.of else None),
        *(*clean, None if of_attack else row.inconclusive, area),
        *(row.plain.found.hits if planted.of else None, None if of_attack or not flagged.of else flagged.hits),
    ]


def _shares(rate: Rate) -> list[float | None]:
    """Hits, share and its bounds in per cent; nothing of no nets."""
    if rate.rate is None:
        return [None] * 4
    return [rate.hits, *(round(100 * share, 1) for share in (rate.rate, rate.low, rate.high))]
