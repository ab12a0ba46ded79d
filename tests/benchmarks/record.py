"""Writes what a benchmark has measured into docs/benchmarks, from which the page of benchmarks is made.

record.add_option(parser)
record.rows(given, "speed", "Memory of the batched program", [["ResNet50, 224x224", 2.4]])
"""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from api.cli.zoo.documents import machine

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/benchmarks"

Cell = str | float | None


def add_option(parser: argparse.ArgumentParser) -> None:
    """Let the benchmark be asked to write its figures down."""
    parser.add_argument("--record", action="store_true", help="write the figures into docs/benchmarks")


def rows(
    given: argparse.Namespace,
    subject: str,
    table: str,
    measured: Iterable[Sequence[Cell]],
    *,
    note: str = "",
    folder: Path = FOLDER,
) -> None:
    """Put rows into a table, where `add_option`'s option was given: a row with the same names is replaced.

    subject: name of the file without its suffix. table: its title. measured: cells in the order of its columns, None
    where nothing was measured. note: what else the machine had to do, and the like.
    Raises KeyError for a table that there is not, ValueError where a row does not fit its columns.
    """
    if not given.record:
        return
    path = folder / f"{subject}.json"
    found = json.loads(path.read_text("utf-8"))
    tables = {one["title"]: one for one in found["tables"]}
    put(tables[table], found["runs"], [list(cells) for cells in measured], this_run(note))
    used = {row["run"] for one in found["tables"] for row in one["rows"]}
    found["runs"] = {name: run for name, run in found["runs"].items() if name in used}
    path.write_text(as_text(found), "utf-8")


def put(table: dict[str, Any], runs: dict[str, Any], measured: Sequence[list[Cell]], run: dict[str, str]) -> None:
    """Replace the rows of the same names, append the others, and say that they are of this run."""
    name = _name(runs, run)
    runs[name] = run
    for cells in measured:
        if len(cells) != len(table["columns"]):
            raise ValueError(f"the row {cells} has {len(cells)} cells, the table {len(table['columns'])} columns")
        named = table.get("names")
        same = [row for row in table["rows"] if names_of(row["cells"], named) == names_of(cells, named)]
        if same:
            same[0].update(run=name, cells=cells)
        else:
            table["rows"].append({"run": name, "cells": cells})


def _name(runs: dict[str, Any], run: dict[str, str]) -> str:
    """What a run is called: two of one benchmark and day are told apart where their commands differ."""
    first = f"{Path(sys.argv[0]).stem} {run['date']}"
    names = (first if number == 1 else f"{first}, {number}" for number in count(1))
    return next(name for name in names if name not in runs or runs[name]["command"] == run["command"])


def names_of(cells: Sequence[Cell], named: int | None) -> list[Cell]:
    """What a row is about: so many of its first cells, None: those that are text."""
    return [cell for cell in cells if isinstance(cell, str)] if named is None else list(cells[:named])


def this_run(note: str) -> dict[str, str]:
    """Date, machine, command and commit of this process. Of a path the command has the name alone."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:] if word != "--record"]
    program = Path(sys.argv[0])
    # Started by `python -m`, a program is known by the whole path of its file.
    module = ".".join(program.relative_to(ROOT).with_suffix("").parts) if program.is_relative_to(ROOT) else program.stem
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "command": shlex.join(["python", "-m", module, *words]),
        "commit": commit.stdout.strip(),
        "note": note,
    }


def as_text(found: dict[str, Any]) -> str:
    """As it is kept: a row a line, so that a change is seen."""
    lines = {f"@{number}@": json.dumps(row, ensure_ascii=False) for number, row in enumerate(_rows(found))}
    numbers = iter(lines)
    shape = {**found, "tables": [{**one, "rows": [next(numbers) for _ in one["rows"]]} for one in found["tables"]]}
    text = json.dumps(shape, indent=2, ensure_ascii=False)
    for mark, line in lines.items():
        text = text.replace(f'"{mark}"', line)
    return text + "\n"


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for one in found["tables"] for row in one["rows"]]
