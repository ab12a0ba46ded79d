"""A folder of results: made before any work is done, each of its files written aside and renamed."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from nc_core.errors import OptionRefused


def folder_of(model_name: str) -> Path:
    """Where results go unless a folder was given."""
    return Path(f"{Path(model_name).stem}-cleanse")


def check_folder(folder: Path, *, option: str = "--out") -> None:
    """Make the folder of results that an option names; raises OptionRefused where that cannot be, before any work."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionRefused(f"{option} {folder} cannot be made ({error.strerror}): pass another folder") from None
    if not os.access(folder, os.W_OK):
        raise OptionRefused(f"{option} {folder} may not be written to: pass another folder")


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside the path, then rename it: a reader sees the old file or the new one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def copy_file(source: Path, target: Path) -> None:
    """Copy the contents, not the read-only mode that artefacts have."""
    write_file(target, lambda path: shutil.copyfile(source, path))
