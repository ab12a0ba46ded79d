"""README and pages name what there is; the generated reference holds all of the code's own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate import benchmarks, command_line, http_api, notebook, result, settings
from docs.generate.__main__ import GENERATED, PAGES, generate
from nc_tasks.settings import Settings

ROOT = Path(__file__).parents[2]
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(PAGES.rglob("*.md"))]
COMMAND = re.compile(r"(?:^ +|`|; |\.venv/bin/)cleanse ([a-z][^`;#\n]*)", re.MULTILINE)

CODE = re.compile(r"`((?:api|deploy|nc_core|nc_tasks|tests)/[\w/.-]+)`(?: \(`(\w+)`\))?")
"""A file or folder, and what is defined in it."""


@pytest.fixture(scope="module")
def commands() -> dict[str, set[str]]:
    """Command -> its options."""
    found = command_line.commands(command_line.program())
    return {
        path.removeprefix("cleanse "): {
            option for one in command.params for option in one.opts if option.startswith("-")
        }
        for path, command in found
    }


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_every_command_that_a_text_shows_exists_with_its_options(path: Path, commands: dict[str, set[str]]) -> None:
    groups = {name.split()[0] for name in commands if " " in name}
    for shown in COMMAND.findall(path.read_text("utf-8")):
        words = [word.strip(",") for word in shown.split()]
        name = " ".join(words[:2]) if words[0] in groups and len(words) > 1 else words[0]
        assert name in commands or name in groups, f"{path.name}: cleanse {shown}"
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        assert options <= commands.get(name, set()), f"{path.name}: cleanse {shown}"


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_every_file_that_a_text_links_to_exists(path: Path) -> None:
    made = {(PAGES / name).resolve() for name in GENERATED}
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
        linked = (path.parent / target).resolve()
        assert linked.exists() or linked in made, f"{path.name}: {target}"


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_every_file_of_the_code_that_a_text_names_exists_and_has_what_it_names_there(path: Path) -> None:
    for file, name in CODE.findall(path.read_text("utf-8")):
        assert (ROOT / file).exists(), f"{path.name}: {file}"
        if name:
            defined = re.search(rf"^(async )?(def|class) {name}\b", (ROOT / file).read_text("utf-8"), re.MULTILINE)
            assert defined, f"{path.name}: {file} has no {name}"


def test_the_walk_of_a_submission_goes_from_the_upload_through_every_task_to_the_page() -> None:
    page = (PAGES / "architecture.md").read_text("utf-8")
    walk = CODE.findall(page.split("### File by file")[1].split("| process |")[1].split("\n\n")[0])
    assert walk[0] == ("api/web/app.py", "create_app")
    steps = ["received", "start", "invert_label", "gather", "next_step", "repair", "one_submission"]
    assert [name for _, name in walk if name in steps] == steps


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_every_target_of_make_that_a_text_names_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = re.findall(r"(?:^ +|`)make ([a-z-]+)", path.read_text("utf-8"), re.MULTILINE)
    assert set(named) <= targets


def test_the_readme_is_read() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= 900


def test_the_reference_has_every_command_and_option(commands: dict[str, set[str]]) -> None:
    page = command_line.page()
    for name, options in commands.items():
        section = page.split(f"\n## cleanse {name}\n")[1].split("\n## ")[0]
        assert all(option in section for option in options)


def test_the_reference_has_every_route_and_object() -> None:
    page = http_api.page()
    document = http_api.document()
    for path, methods in document["paths"].items():
        assert all(f"\n### {method.upper()} {path}\n" in page for method in methods)
    assert all(f"\n### {name}\n" in page for name in document["components"]["schemas"])


def test_the_reference_has_every_key_of_a_result() -> None:
    page = result.page()
    assert {"Result", "LabelInfo", "EvidenceInfo", "Calibration", "Preflight", "Mitigation", "RepairInfo"} <= set(
        re.findall(r"^## (\w+)$", page, re.MULTILINE)
    )
    for name in http_api.document()["components"]["schemas"]["Result"]["properties"]:
        assert f"| <code>{name}</code> |" in page


def test_every_setting_has_a_meaning() -> None:
    assert settings.docstrings(Settings).keys() == Settings.model_fields.keys()
    assert "<code>CLEANSE_HOME</code>\n:   Folder of everything" in settings.page()


def test_all_pages_are_written_into_a_folder_that_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "old.md").touch()
    generate(folder)
    written = {str(path.relative_to(folder)) for path in folder.rglob("*.md")}
    assert written == {str(path.relative_to(PAGES)) for path in PAGES.rglob("*.md")} | set(GENERATED)


def test_the_page_of_a_notebook_shows_the_notebook_that_was_run() -> None:
    # What was printed is of the code as it stands; otherwise run `python -m docs.generate.notebook`
    assert [one["code"] for one in notebook.printed()["cells"]] == notebook.codes()


def test_the_page_of_a_notebook_has_its_code_and_what_it_prints() -> None:
    page = notebook.page()
    shown = [one for one in notebook.printed()["cells"] if not one["code"].startswith("assert")]
    assert all(f"```python\n{one['code']}\n```\n" in page for one in shown)
    assert all(f"```text\n{one['printed'].rstrip()}\n```\n" in page for one in shown if one["printed"])
    assert "assert" not in page
    found = next(one["printed"] for one in shown if "nc_core.scan(" in one["code"])
    assert len(found.splitlines()) == 5


def rows() -> Iterator[tuple[str, dict[str, str], list[str | float | None]]]:
    for name, subject in benchmarks.subjects().items():
        for table in subject["tables"]:
            for row in table["rows"]:
                assert len(row["cells"]) == len(table["columns"]), f"{name}: {row}"
                yield name, subject["runs"][row["run"]], row["cells"]


def test_every_figure_says_when_where_and_how_it_was_measured() -> None:
    for name, run, _ in rows():
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", run["date"]), name
        assert run["machine"]
        assert run["command"]


def test_a_cell_holds_one_figure_or_a_name() -> None:
    for name, _, cells in rows():
        assert any(isinstance(cell, int | float) for cell in cells), f"{name}: {cells}"
        for cell in cells:
            assert not isinstance(cell, str) or not re.fullmatch(r"[-\d.,%/ ]+", cell), f"{name}: {cells}"


def test_a_table_of_several_runs_says_of_each_row_which_it_is() -> None:
    runs = {
        name: {"date": date, "machine": "2 cores", "command": f"measure {name}", "commit": None, "note": ""}
        for name, date in (("a", "2026-01-01"), ("b", "2026-02-02"))
    }
    made = [{"run": "a", "cells": ["x", 1]}, {"run": "b", "cells": ["y", None]}]
    page = list(benchmarks.of_table({"title": "T", "columns": ["what", "s"], "rows": made}, runs))
    assert "| x | 1 | 2026-01-01 | 1 |" in page
    assert "| y |  | 2026-02-02 | 2 |" in page
    assert "2. on 2026-02-02 with 2 cores, by <code>measure b</code>." in page
    alone = list(benchmarks.of_table({"columns": ["what", "s"], "rows": made[:1]}, runs))
    assert "Measured on 2026-01-01 with 2 cores, by <code>measure a</code>." in alone
    assert "| x | 1 |" in alone


def test_a_table_of_which_nothing_was_measured_yet_is_not_shown() -> None:
    page = benchmarks.page()
    tables = [table for subject in benchmarks.subjects().values() for table in subject["tables"] if table.get("title")]
    for table in tables:
        assert (f"### {table['title']}\n" in page) == bool(table["rows"])
