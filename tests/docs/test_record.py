"""What a benchmark measures gets into the documents, with the run that measured it."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import record

OLD = {"date": "2026-01-01", "machine": "m", "command": "c", "commit": None, "note": ""}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One subject with one table, of one run; the process is that of a benchmark."""
    made = [{"run": "old", "cells": ["small net", 1.5]}, {"run": "old", "cells": ["large net", 2.5]}]
    table = {"title": "Time", "text": "", "columns": ["net", "seconds"], "rows": made}
    subject = {"title": "Speed", "text": [], "runs": {"old": OLD}, "tables": [table]}
    (tmp_path / "speed.json").write_text(record.as_text(subject))
    monkeypatch.setattr(
        sys, "argv", ["/x/tests/benchmarks/timing.py", "/home/me/net.keras", "--times", "3", "--record"]
    )
    return tmp_path


def given(*arguments: str) -> Namespace:
    parser = ArgumentParser()
    record.add_option(parser)
    return parser.parse_args(arguments)


def kept(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "speed.json").read_text())


def test_a_row_of_the_same_names_is_replaced_and_says_how_it_was_measured(folder: Path) -> None:
    record.rows(given("--record"), "speed", "Time", [["small net", 1.2]], note="quiet", folder=folder)
    first, second = kept(folder)["tables"][0]["rows"]
    assert first["cells"] == ["small net", 1.2]
    assert second == {"run": "old", "cells": ["large net", 2.5]}
    run = kept(folder)["runs"][first["run"]]
    # Of the paths of this machine the names alone
    assert run["command"] == "python -m tests.benchmarks.timing net.keras --times 3"
    assert run["note"] == "quiet"
    assert "GiB" in run["machine"]
    assert len(run["commit"]) >= 7


def test_a_new_row_is_appended_and_a_run_without_rows_is_forgotten(folder: Path) -> None:
    rows = [["small net", 1.0], ["large net", 2.0], ["largest net", 3.0]]
    record.rows(given("--record"), "speed", "Time", rows, folder=folder)
    assert [row["cells"] for row in kept(folder)["tables"][0]["rows"]] == rows
    assert len(kept(folder)["runs"]) == 1


def test_nothing_is_written_unless_it_is_asked_for(folder: Path) -> None:
    before = (folder / "speed.json").read_bytes()
    record.rows(given(), "speed", "Time", [["small net", 9.0]], folder=folder)
    assert (folder / "speed.json").read_bytes() == before


def test_a_row_that_does_not_fit_is_an_error(folder: Path) -> None:
    before = (folder / "speed.json").read_bytes()
    with pytest.raises(ValueError, match="3 cells, the table 2 columns"):
        record.rows(given("--record"), "speed", "Time", [["small net", 1.0, 2.0]], folder=folder)
    with pytest.raises(KeyError, match="Memory"):
        record.rows(given("--record"), "speed", "Memory", [["small net", 1.0]], folder=folder)
    assert (folder / "speed.json").read_bytes() == before
