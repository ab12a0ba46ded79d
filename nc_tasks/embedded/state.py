"""stack.json: what a running stack is, for those who look at it from outside."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from nc_tasks.private import write_text
from nc_tasks.settings import Settings
from nc_tasks.version import build_version


@dataclass(frozen=True, kw_only=True)
class ChildState:
    """pid, started: of the running process, as `processes.started_at`. deaths: in a row, each soon."""

    name: str
    pid: int | None
    started: float | None
    deaths: int


@dataclass(frozen=True, kw_only=True)
class StackState:
    """version: of the program and the settings that all clients must share. started_at: ISO 8601, UTC."""

    pid: int
    version: str
    started_at: str
    stopping: bool
    broker_url: str
    slots: int
    children: tuple[ChildState, ...]


def stack_version(settings: Settings) -> str:
    """Equal for two clients that can share a stack: same program, store, broker, files and backend of Keras."""
    parts = (settings.store_url, settings.redis_url, settings.artefacts_url, os.environ.get("KERAS_BACKEND"))
    shared = sha256("\n".join(map(str, parts)).encode()).hexdigest()
    return f"{build_version()}+{shared[:8]}"


def utc_now() -> str:
    """The time as it is written."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_state(path: Path, state: StackState) -> None:
    """Replace the file in one step."""
    write_text(path, json.dumps(asdict(state), indent=1))


def read_state(path: Path) -> StackState | None:
    """The state as last written, None where there is none that this version understands."""
    try:
        values = json.loads(path.read_text())
        children = tuple(ChildState(**child) for child in values.pop("children"))
        return StackState(**values, children=children)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
