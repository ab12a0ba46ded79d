"""Writes what a zoo has measured into the source: the package's figures, and a section of the README."""

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nc_core
from api.cli.zoo.table import with_interval
from api.results.folder import write_file
from api.results.numbers import count
from nc_core.errors import OptionRefused
from nc_core.machine import machine_bytes
from nc_core.zoo.measured import FILE, THIRD, Measured, measured_of
from nc_core.zoo.score import Row
from nc_tasks.capacity import processors

BEGIN, END = "<!-- zoo:begin -->", "<!-- zoo:end -->"


def checkout() -> Path:
    """The source checkout that this program runs from; raises OptionRefused where it runs from anything else."""
    root = Path(nc_core.__file__).parents[1]
    if not (root / "pyproject.toml").is_file():
        raise OptionRefused(f"--write-documents writes into a source checkout, {root} is none: run it from one")
    text = (root / "README.md").read_text("utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise OptionRefused(f"README.md has no section between {BEGIN} and {END}: put both lines where it belongs")
    return root


def write_documents(
    root: Path, rows: Sequence[Row], origin: Mapping[str, Any], *, folder: Path, anew: bool = False
) -> None:
    """Write both. root: of `checkout`. origin: of the zoo's plan. folder: the zoo's, by its name alone. anew: its scans
    were judged by today's rules.

    Raises OptionRefused where the zoo has no held-out nets.
    """
    command = f"cleanse zoo score {folder.resolve().name} {'--rejudge ' if anew else ''}--write-documents"
    figures = measured_of(rows, date=f"{datetime.now(UTC):%Y-%m-%d}", machine=machine(), command=command)
    if figures is None:
        raise OptionRefused(f"{folder} has no held-out nets with a verdict: build more of it, --nets 6 at least")
    text = json.dumps(figures.to_json(), indent=2) + "\n"
    write_file(root / "nc_core" / "zoo" / FILE, lambda path: path.write_text(text, "utf-8"))
    readme = root / "README.md"
    before, rest = readme.read_text("utf-8").split(BEGIN)
    after = rest.split(END)[1]
    whole = "\n".join([before + BEGIN, "", *section(figures, rows, origin), "", END + after])
    write_file(readme, lambda path: path.write_text(whole, "utf-8"))


def machine() -> str:
    """Processors and memory that this process may use."""
    return f"{count(len(processors()), 'core')} ({platform.machine()}), {machine_bytes() / 2**30:.0f} GiB"


def section(figures: Measured, rows: Sequence[Row], origin: Mapping[str, Any]) -> Iterator[str]:
    """The README's lines: where the figures come from, and a table of the held-out third."""
    data = ", ".join(source["name"] for source in origin["sources"])
    yield (
        f"Measured on {figures.date} with {figures.machine} by `{figures.command}`: the {figures.nets} held-out nets "
        f"of a zoo of seed {origin['seed']} on {data}, by which nothing was chosen. In brackets the exact 95% interval."
    )
    yield ""
    yield "| held-out nets | planted | found | clean | called backdoored |"
    yield "| --- | --- | --- | --- | --- |"
    for row in rows:
        if row.third == THIRD:
            yield _line(row)


def _line(row: Row) -> str:
    """Of a row of nets with one attack the clean ones are those of all rows, and left out."""
    alone = row.by == "attack"
    clean = ("", "") if alone else (str(row.clean), with_interval(row.cleanse.false_alarms))
    cells = (f"{row.by}: {row.value}", str(row.planted), with_interval(row.cleanse.found), *clean)
    return f"| {' | '.join(cells)} |"
