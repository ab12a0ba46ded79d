"""`--sarif FILE` of commands that follow scans to their verdicts: the findings of all their models in one log."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client.addresses import is_address
from nc_core.errors import OptionRefused
from nc_core.results.files import as_json
from nc_core.results.folder import check_folder, write_file

Sarif = Annotated[
    Path | None,
    typer.Option(
        "--sarif", metavar="FILE", help="Write the findings there, as SARIF 2.1.0, for code scanning.", dir_okay=False
    ),
]


def check_sarif(path: Path | None) -> None:
    """Make the folder that the log goes into; raises OptionRefused where it cannot be written, before any work."""
    if path is None:
        return
    if path.is_dir():
        raise OptionRefused(f"--sarif {path} is a folder: pass the path of a file")
    check_folder(path.parent, option="--sarif")


def write_sarif(path: Path, model: str, result: Mapping[str, Any]) -> None:
    """Write the log of one model. model: as it was given, a path or an address. result: result.json."""
    write_log(path, [(model, result)])


def write_log(path: Path, found: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Write one log of all models that have a verdict, each as it was given, with its result.json."""
    from api.results.exports.sarif import joined, sarif

    text = as_json(joined(sarif(result, place_of(model)) for model, result in found))
    write_file(path, lambda aside: aside.write_text(text, "utf-8"))


def place_of(model: str) -> str | None:
    """Where the file lies under this folder, which code scanning takes for the project's; None elsewhere."""
    here, there = Path.cwd(), Path(model).absolute()
    inside = not is_address(model) and there.is_relative_to(here) and ".." not in there.parts
    return there.relative_to(here).as_posix() if inside else None
