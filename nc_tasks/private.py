"""What lies under a home is its owner's alone, whoever makes it first: folders 0700, files 0600.

Models, clean data and results lie there. A process that serves a home (`UMASK`) makes nothing else; the command line
writes elsewhere too, where the user's own umask counts, and makes what belongs to a home by the functions below.
"""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from nc_core.errors import OptionRefused

log = logging.getLogger(__name__)

UMASK = 0o077
OTHERS = 0o077
"""Bits of a mode that say what others may do."""


def make_home(home: Path) -> None:
    """Have a home that its owner alone can open; an older one that is open is closed, which is said once.

    Raises OptionRefused for a folder that belongs to everybody.
    """
    make_folder(home)
    mode = home.stat().st_mode
    if mode & stat.S_ISVTX or home == home.parent:
        raise OptionRefused(f"{home} is a folder that everybody uses: choose a home of its own, as {home / 'cleanse'}")
    with os.scandir(home) as entries:
        some = any(_is_open(entry) for entry in entries)
    if some or mode & OTHERS:
        _close(home)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing."""
    if not folder.exists():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def open_file(path: Path, mode: Literal["ab", "a+b", "wb", "w+b"]) -> BinaryIO:
    """As `open`: a file that is made is its owner's alone."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step by this text, in UTF-8: a reader sees the old one or the new one."""
    aside = path.with_name(f"{path.name}.tmp")
    with open_file(aside, "wb") as file:
        file.write(text.encode())
    aside.replace(path)


def _is_open(entry: os.DirEntry[str]) -> bool:
    return not entry.is_symlink() and bool(entry.stat(follow_symlinks=False).st_mode & OTHERS)


def _close(home: Path) -> None:
    """Take from others what they may do, first with the home itself: nobody puts anything in its place then."""
    mode = home.stat().st_mode
    closed, left = 0, 0
    for path in _below(home):
        try:
            found = path.lstat()
            if not stat.S_ISLNK(found.st_mode) and found.st_mode & OTHERS:
                path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
                closed += 1
        except FileNotFoundError:  # whoever had made it took it away
            continue
        except PermissionError:
            left += 1
    if closed:
        log.warning(
            "the home %s was open to other users of this machine (%s): it and %d files and folders in all are closed "
            "now, to their owner alone", home, stat.filemode(mode), closed
        )  # fmt: skip
    if left:
        log.warning("%d files and folders under the home %s are another user's and stay open to others", left, home)


def _below(home: Path) -> Iterator[Path]:
    """The home and everything in it, on its own file system."""
    yield home
    device = home.stat().st_dev
    for folder, names, files in os.walk(home):
        names[:] = [name for name in names if os.lstat(os.path.join(folder, name)).st_dev == device]
        yield from (Path(folder, name) for name in (*names, *files))
