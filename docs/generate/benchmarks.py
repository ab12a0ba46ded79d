"""The page of benchmarks, from the figures stored under docs/benchmarks.

A file holds the figures of one subject:

    {"title": str, "text": [paragraph], "runs": {name: {"date": ISO 8601, "machine": str, "command": str,
     "commit": str | null, "note": str}}, "tables": [{"title": str, "text": str, "columns": [str],
     "rows": [{"run": name, "cells": [str | number | null]}]}]}

A cell is one figure, or the name of what was measured. By `names` a table may say how many of the first cells tell a
row from the others; without it those that are text do. A commit is the one that wrote the figure down.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docs.generate.markdown import code, joined, table

FOLDER = Path(__file__).parents[1] / "benchmarks"
INTRODUCTION = """\
Every figure here was measured by the command and on the day that stand with it. The figures are stored as JSON in
`docs/benchmarks`; this page is generated from there. A date is the day on which a figure was written down.

Until 28 November 2026 a model was scanned in the likeliest value range alone, and logits were not brought to one
spread: norms, seconds and repairs of earlier days may come out otherwise now.

The face nets and the GTSRB nets are models that other teams have published. They come without a licence, and are no
part of this repository.
"""


def page() -> str:
    """The page on all files."""
    lines = ["# Benchmarks", "", INTRODUCTION]
    for subject in subjects().values():
        lines += _subject(subject)
    return joined(*lines)


def subjects() -> dict[str, Any]:
    """Name of the file -> its content, in the order in which they are numbered."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def _subject(subject: Mapping[str, Any]) -> Iterator[str]:
    yield from [f"## {subject['title']}", ""]
    for paragraph in subject["text"]:
        yield from [paragraph, ""]
    for one in subject["tables"]:
        if one["rows"]:  # of others nothing has been measured yet
            yield from of_table(one, subject["runs"])


def of_table(one: Mapping[str, Any], runs: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a table: where all its rows are of one run, that stands above it, else each row has its number."""
    if one.get("title"):
        yield from [f"### {one['title']}", ""]
    if one.get("text"):
        yield from [one["text"], ""]
    names = list(dict.fromkeys(row["run"] for row in one["rows"]))
    if len(names) == 1:
        yield from [f"Measured {_run(runs[names[0]])}", ""]
        yield from table(one["columns"], [[_figure(cell) for cell in row["cells"]] for row in one["rows"]])
    else:
        rows = [
            [*map(_figure, row["cells"]), runs[row["run"]]["date"], str(names.index(row["run"]) + 1)]
            for row in one["rows"]
        ]
        yield from table([*one["columns"], "date", "run"], rows)
        yield from ["", "Runs:", "", *(f"{number}. {_run(runs[name])}" for number, name in enumerate(names, 1))]
    yield ""


def _run(run: Mapping[str, Any]) -> str:
    commit = f" Written down in {code(run['commit'])}." if run.get("commit") else ""
    note = f", {run['note']}" if run.get("note") else ""
    return f"on {run['date']} with {run['machine']}{note}, by {code(run['command'])}.{commit}"


def _figure(cell: str | float | None) -> str:
    return "" if cell is None else str(cell)
