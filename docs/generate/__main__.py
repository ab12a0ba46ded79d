"""`python -m docs.generate FOLDER`: writes all pages of the site into FOLDER, which is made anew."""

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generate import benchmarks, command_line, http_api, notebook, result, settings

PAGES = Path(__file__).parents[1] / "pages"
GENERATED: Mapping[str, Callable[[], str]] = {
    "how-to/in-memory.md": notebook.page,
    "reference/command-line.md": command_line.page,
    "reference/http-api.md": http_api.page,
    "reference/result.md": result.page,
    "reference/settings.md": settings.page,
    "benchmarks.md": benchmarks.page,
}
"""Path under the folder -> its text."""


def generate(folder: Path) -> None:
    """Copy the pages written by hand into the folder, and write the generated ones beside them."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(PAGES, folder)
    for name, text_of in GENERATED.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(), "utf-8")


if __name__ == "__main__":
    generate(Path(sys.argv[1]))
