"""Who is attached to a stack, and what each wants of it: one locked file per client."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from nc_tasks.private import open_file


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """workers: processes of the label queue. slots: labels that each holds at a time.

    service: address and port of the HTTP service, with Flower beside it; None: neither is asked for.
    """

    workers: int
    slots: int
    service: tuple[str, int] | None = None


class Client:
    """This process' mark that it is attached; it vanishes with the process, however that ends."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self._file = path, file

    @classmethod
    def enter(cls, folder: Path, wanted: Wanted) -> "Client":
        """Write and lock the file aside, then show it: nobody ever sees it unlocked."""
        name = f"{os.getpid()}-{token_hex(4)}"
        temporary = folder / f"{name}.tmp"
        file = open_file(temporary, "w+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(asdict(wanted)).encode())
        file.flush()
        return cls(temporary.rename(folder / f"{name}.json"), file)

    @property
    def dismissed(self) -> bool:
        """Whether somebody has taken the mark away: `dismiss` did."""
        return not self.path.exists()

    def leave(self) -> None:
        """Take the mark away; a second time does nothing."""
        self.path.unlink(missing_ok=True)
        self._file.close()


def live_clients(folder: Path) -> list[Wanted]:
    """What the attached clients want; files of dead ones are deleted."""
    found = [_wanted(path) for path in sorted(folder.glob("*.json"))]
    return [wanted for wanted in found if wanted is not None]


def dismiss(folder: Path) -> None:
    """Send those away who keep the stack up for its HTTP service: they wait for no work, and would start it again."""
    for path in folder.glob("*.json"):
        wanted = _wanted(path)
        if wanted is not None and wanted.service is not None:
            path.unlink(missing_ok=True)


def _parsed(text: bytes) -> Wanted:
    values = json.loads(text)
    service = values.pop("service", None)
    return Wanted(**values, service=None if service is None else (service[0], service[1]))


def _wanted(path: Path) -> Wanted | None:
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return _parsed(file.read())
            path.unlink(missing_ok=True)
    except FileNotFoundError:  # its client left just now
        pass
    return None
