"""Where a stack keeps its files, under its home."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nc_tasks import private
from nc_tasks.settings import Settings

LOG_BYTES = 10 * 2**20
"""A log larger than this is set aside as .1 when its process starts again."""


@dataclass(frozen=True, kw_only=True)
class StackFiles:
    """start_lock: held to start or stop a stack. supervisor_lock: held by the supervisor for life."""

    start_lock: Path
    supervisor_lock: Path
    state: Path
    clients: Path
    broker: Path
    logs: Path


def stack_files(settings: Settings) -> StackFiles:
    """The files of this home's stack; the folders exist afterwards, open to their owner alone."""
    home = settings.home
    files = StackFiles(
        start_lock=home / "stack.lock",
        supervisor_lock=home / "supervisor.lock",
        state=home / "stack.json",
        clients=home / "clients",
        broker=home / "broker",
        logs=settings.logs,
    )
    private.make_home(home)
    for folder in (files.clients, files.broker, files.logs):
        private.make_folder(folder)
    return files


def open_log(path: Path) -> BinaryIO:
    """The log, to be appended to; a large one is set aside first."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return private.open_file(path, "ab")


def last_line(path: Path) -> str:
    """The last line of a log that says something, or "no output"."""
    if not path.exists():
        return "no output"
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "no output")
