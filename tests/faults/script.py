"""What goes wrong where, as files under a home: written by a test, read by its workers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex


class Script:
    """The mishaps of one home, and what runs there."""

    def __init__(self, home: Path) -> None:
        self._mishaps, self._running = home / "mishaps", home / "running"

    # A test writes

    def arrange(self, mishap: str, label: int | None = None) -> None:
        """Let this befall the label, or whoever comes first."""
        self._mishaps.mkdir(parents=True, exist_ok=True)
        self._file(mishap, label).touch()

    def lift(self, mishap: str, label: int | None = None) -> None:
        """Take it back."""
        self._file(mishap, label).unlink(missing_ok=True)

    def let_each_take(self, seconds: float) -> None:
        """Let every label take so long."""
        self._mishaps.mkdir(parents=True, exist_ok=True)
        (self._mishaps / "seconds").write_text(str(seconds))

    # and reads

    def now_running(self) -> set[int]:
        """Labels that are in a living process."""
        found = set()
        for path in self._running.glob("*"):
            _, label, _, pid, _ = path.name.split("-")
            if Path(f"/proc/{pid}").exists():
                found.add(int(label))
        return found

    def runs(self, label: int) -> int:
        """How often the label's process was killed with it, and whether it runs."""
        return sum(path.name.split("-")[1] == str(label) for path in self._running.glob("*"))

    # Workers read

    def says(self, mishap: str, label: int | None = None) -> bool:
        """Whether this befalls the label."""
        return self._file(mishap, label).exists()

    def takes(self, mishap: str, label: int | None = None) -> bool:
        """Whether it does, for this once."""
        try:
            self._file(mishap, label).unlink()
        except FileNotFoundError:
            return False
        return True

    def seconds(self) -> float:
        """How long a label takes."""
        path = self._mishaps / "seconds"
        return float(path.read_text()) if path.exists() else 0.0

    # and write

    @contextmanager
    def running(self, submission: str, label: int, round: int) -> Iterator[None]:
        """Note that the label runs; what a killed process has left stays."""
        self._running.mkdir(parents=True, exist_ok=True)
        path = self._running / f"{submission}-{label}-{round}-{os.getpid()}-{token_hex(4)}"
        path.touch()
        try:
            yield
        finally:
            path.unlink()

    def _file(self, mishap: str, label: int | None) -> Path:
        return self._mishaps / (mishap if label is None else f"{mishap} {label}")
