"""What a benchmark measures gets into the documents, with the run that measured it."""

import ast
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
        sys,
        "argv",
        [str(record.ROOT / "tests/benchmarks/timing.py"), "/home/me/a net.keras", "--times", "3", "--record"],
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
    assert run["command"] == "python -m tests.benchmarks.timing 'a net.keras' --times 3"
    assert run["note"] == "quiet"
    assert "GiB" in run["machine"]
    assert len(run["commit"]) >= 7


def test_a_new_row_is_appended_and_a_run_without_rows_is_forgotten(folder: Path) -> None:
    rows = [["small net", 1.0], ["large net", 2.0], ["largest net", 3.0]]
    record.rows(given("--record"), "speed", "Time", rows, folder=folder)
    assert [row["cells"] for row in kept(folder)["tables"][0]["rows"]] == rows
    assert len(kept(folder)["runs"]) == 1


def test_two_commands_of_one_benchmark_and_day_are_told_apart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for times, rows in (("3", [["small net", 1.0]]), ("5", [["large net", 2.0]]), ("3", [["small net", 1.1]])):
        monkeypatch.setattr(sys, "argv", [str(record.ROOT / "tests/hostile/fuzz.py"), "--times", times, "--record"])
        record.rows(given("--record"), "speed", "Time", rows, folder=folder)
    document = kept(folder)
    told = {row["cells"][0]: document["runs"][row["run"]]["command"] for row in document["tables"][0]["rows"]}
    assert told == {
        "small net": "python -m tests.hostile.fuzz --times 3",
        "large net": "python -m tests.hostile.fuzz --times 5",
    }


def test_where_figures_name_a_row_too_a_row_with_another_figure_stays(folder: Path) -> None:
    document = kept(folder)
    (table,) = document["tables"]
    table |= {"names": 2, "columns": ["net", "round", "seconds"]}
    table["rows"] = [{"run": "old", "cells": ["small net", number, 9.0]} for number in (1, 2)]
    (folder / "speed.json").write_text(record.as_text(document))
    record.rows(given("--record"), "speed", "Time", [["small net", 2, 1.5]], folder=folder)
    assert [row["cells"] for row in kept(folder)["tables"][0]["rows"]] == [["small net", 1, 9.0], ["small net", 2, 1.5]]


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


def recorded() -> list[tuple[str, str, str]]:
    """Benchmark, subject and title of every table that a benchmark writes into."""
    found = []
    for file in sorted(Path(record.__file__).parent.glob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "record.rows":
                subject, title = node.args[1:3]
                found += [(file.stem, ast.literal_eval(subject), each) for each in titles(title, tree)]
    return found


def titles(title: ast.expr, tree: ast.Module) -> list[str]:
    """What is written there, or stands in the module's constant: a title, or one of several by their keys."""
    if isinstance(title, ast.Constant):
        return [str(title.value)]
    name = ast.unparse(title).partition("[")[0]
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    (value,) = [ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == name]
    return list(value.values()) if isinstance(value, dict) else [value]


@pytest.mark.parametrize(("benchmark", "subject", "title"), recorded())
def test_every_table_that_a_benchmark_writes_into_is_there_and_holds_what_it_has_measured(
    benchmark: str, subject: str, title: str
) -> None:
    document = json.loads((record.FOLDER / f"{subject}.json").read_text("utf-8"))
    (table,) = [table for table in document["tables"] if table["title"] == title]
    commands = [document["runs"][row["run"]]["command"] for row in table["rows"]]
    assert not commands or any(f"tests.benchmarks.{benchmark}" in command for command in commands)


def test_what_repairs_have_left_fits_the_documents_table() -> None:
    from tests.benchmarks.repairs import TABLES, cells_of

    figures = {f"{what} square {nth}": 0.123456 for nth in (1, 2) for what in ("attack", "recovery")}
    row = {"before": figures, "after": {"accuracy": 0.987, **figures}, "called": {"square 1": 1.0, "clean": 0.001}}
    cells = cells_of("unlearning", {**row, "seconds": 12.3})
    assert cells == [
        ["unlearning", "square 1", 98.7, 12.3, 12.3, 100.0, 0.1, 12],
        ["unlearning", "square 2", 98.7, 12.3, 12.3, None, 0.1, 12],
    ]
    tables = json.loads((record.FOLDER / "repairs.json").read_text("utf-8"))["tables"]
    (table,) = [table for table in tables if table["title"] == TABLES["planted-multi-trigger"]]
    assert len(table["columns"]) == len(cells[0])
    # And a method that fails the net is there with its time
    failed = {"before": {"attack square": 1.0}, "failed": "the accuracy falls too far", "seconds": 3.0}
    assert cells_of("fine-tuning", failed) == [["fine-tuning (control)", None, None, None, None, None, 3]]
