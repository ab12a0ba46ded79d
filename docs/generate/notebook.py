"""The page that shows a notebook with what it prints, from the notebook and from what one run of it has printed.

`python -m docs.generate.notebook` runs the notebook in a folder of its own and keeps what its cells print, under
docs/printed: {"date": ISO 8601, "machine": str, "cells": [{"code": str, "printed": str}]}.
"""

import io
import json
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docs.generate.markdown import joined

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "scan_in_memory.ipynb"
PRINTED = ROOT / "docs" / "printed" / "scan_in_memory.json"


def page() -> str:
    """The notebook's cells, each with what it prints, without those that check it (tag `check`)."""
    kept = printed()
    outputs = [one["printed"] for one in kept["cells"]]
    return joined(*_lines(cells(), outputs), _source(kept))


def cells() -> list[Mapping[str, Any]]:
    """Of the notebook, in order."""
    found: list[Mapping[str, Any]] = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    return found


def codes() -> list[str]:
    """The text of its cells of code."""
    return ["".join(cell["source"]) for cell in cells() if cell["cell_type"] == "code"]


def printed() -> Mapping[str, Any]:
    """What was kept of the last run."""
    kept: Mapping[str, Any] = json.loads(PRINTED.read_text("utf-8"))
    return kept


def _lines(shown: Sequence[Mapping[str, Any]], outputs: Sequence[str]) -> Iterator[str]:
    waiting = iter(outputs)
    for cell in shown:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield from [text, ""]
            continue
        said = next(waiting)
        if "check" not in cell["metadata"].get("tags", ()):
            yield from ["```python", text, "```", ""]
            yield from ["```text", said.rstrip(), "```", ""] if said else []


def _source(kept: Mapping[str, Any]) -> str:
    name = NOTEBOOK.relative_to(ROOT)
    return f"This page is `{name}`, with what it printed on {kept['date']} on {kept['machine']}."


def run() -> list[dict[str, str]]:
    """Run the notebook's code, cell by cell, in an empty folder; each cell with what it prints."""
    names: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        return [{"code": code, "printed": _run(code, names)} for code in codes()]


def _run(code: str, names: dict[str, Any]) -> str:
    said = io.StringIO()
    with redirect_stdout(said):
        exec(compile(code, NOTEBOOK.name, "exec"), names)
    return said.getvalue()


if __name__ == "__main__":
    told = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores ({platform.machine()})",
        "cells": run(),
    }
    PRINTED.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", "utf-8")
