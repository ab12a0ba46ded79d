"""One process that is kept running: started, restarted with growing pauses, ended step by step."""

import logging
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from nc_tasks.embedded.commands import Command
from nc_tasks.embedded.files import open_log
from nc_tasks.embedded.processes import before_start, kill_session, started_at
from nc_tasks.private import UMASK

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
SETTLED_SECONDS = 30.0
"""A process that lived so long was started well: its next death is the first again."""
QUIT_SECONDS = 3.0
"""Between SIGQUIT (leave what you are at) and SIGKILL."""


class Child:
    """A process for one command name. `tick` is called often and never waits.

    deaths: in a row, each soon after its start. pid, started: of the running process, None between two.
    """

    def __init__(self, name: str, *, folder: Path, logs: Path, stop_seconds: float) -> None:
        self.name, self.log = name, logs / f"{name}.log"
        self.deaths = 0
        self.pid: int | None = None
        self.started: float | None = None
        self._folder, self._stop_seconds = folder, stop_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._running: Command | None = None
        self._since = self._not_before = 0.0
        self._endings: list[tuple[float, signal.Signals]] = []

    @property
    def settled(self) -> bool:
        """Whether the process runs and is not about to end."""
        return self._process is not None and not self._endings

    def tick(self, command: Command | None, environment: Callable[[], dict[str, str]]) -> None:
        """Bring the process closer to running this command; None: to its end.

        environment: asked for where the process is started.
        """
        if self._process is not None and self._process.poll() is not None:
            self._ended(self._process)
        if self._process is None:
            if command is not None and time.monotonic() >= self._not_before:
                self._start(command, environment())
        elif self._endings or command is None or not self._runs(command):
            self._end()

    def _runs(self, command: Command) -> bool:
        # Not the environment: it says how to share the processors, and that is not worth a restart.
        return self._running is not None and self._running.arguments == command.arguments

    def _start(self, command: Command, environment: dict[str, str]) -> None:
        with open_log(self.log) as output:
            self._process = subprocess.Popen(
                command.arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                env={**environment, **command.environment},
                start_new_session=True,
                umask=UMASK,
                preexec_fn=before_start(command.processors),
            )
        self._running, self._since, self._endings = command, time.monotonic(), []
        self.pid, self.started = self._process.pid, started_at(self._process.pid)
        log.info("%s started, pid %d", self.name, self.pid)

    def _end(self) -> None:
        now = time.monotonic()
        if not self._endings:
            quit_at = now + self._stop_seconds
            self._endings = [
                (now, signal.SIGTERM),
                (quit_at, signal.SIGQUIT),
                (quit_at + QUIT_SECONDS, signal.SIGKILL),
                (float("inf"), signal.SIGKILL),
            ]
        while self._endings[0][0] <= now:
            _, number = self._endings.pop(0)
            log.info("%s is sent %s", self.name, number.name)
            if self._process is not None:
                self._process.send_signal(number)

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
        kill_session(process.pid)
        log.info("%s ended with status %s", self.name, process.returncode)
        now = time.monotonic()
        self.deaths = self._deaths_by(now)
        self._not_before = now + _pause(self.deaths)
        self._process, self._running, self._endings = None, None, []
        self.pid = self.started = None

    def _deaths_by(self, now: float) -> int:
        if self._endings:  # it was told to
            return 0
        return 1 if now - self._since >= SETTLED_SECONDS else self.deaths + 1


def _pause(deaths: int) -> float:
    return min(FIRST_PAUSE_SECONDS * 2 ** (deaths - 1), LONGEST_PAUSE_SECONDS) if deaths else 0.0
