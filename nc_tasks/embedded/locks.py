"""Locks between processes: held on an open file, and gone with its process, however that ends.

The files stay when the lock is dropped: deleting one would let two processes lock two files of the same name.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nc_tasks.embedded.processes import is_process, started_at
from nc_tasks.private import open_file

POLL_SECONDS = 0.02


def try_lock(path: Path) -> BinaryIO | None:
    """The open file that holds the lock until it is closed; None where another has it."""
    file = open_file(path, "a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def lock_within(path: Path, seconds: float) -> BinaryIO | None:
    """As `try_lock`, patient: somebody may be looking whether the lock is held."""
    deadline = time.monotonic() + seconds
    while (file := try_lock(path)) is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return file


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock."""
    if not path.exists():
        return False
    file = try_lock(path)
    if file is not None:
        file.close()
    return file is None


def write_holder(lock: BinaryIO) -> None:
    """Write into the locked file which process holds it."""
    lock.truncate(0)
    lock.write(f"{os.getpid()} {started_at(os.getpid())}".encode())
    lock.flush()


def read_holder(path: Path) -> tuple[int, float] | None:
    """Pid and start of the process that wrote itself into the lock, None where it does not run (any more)."""
    pid, _, started = path.read_text().partition(" ")
    if not started or not is_process(int(pid), float(started)):
        return None
    return int(pid), float(started)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock for a block, after waiting for whoever has it."""
    with open_file(path, "a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
