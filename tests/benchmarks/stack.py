"""A home whose stack is driven with the command of some checkout, and looked at from outside."""

import json
import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

PATIENCE_SECONDS = 600.0
QUICK = {"CLEANSE_HEARTBEAT_SECONDS": "0.1"}
"""So that the first step is seen when it is made: a worker writes its progress with its heartbeat."""
MILESTONES = {
    "submission stored": "SELECT 1 FROM submission WHERE id = ?",
    "preparation begun": "SELECT 1 FROM submission WHERE id = ? AND started_at IS NOT NULL",
    "labels queued": "SELECT 1 FROM submission WHERE id = ? AND inverting_at IS NOT NULL",
    "first label taken": "SELECT 1 FROM label WHERE submission_id = ? AND attempt > 0",
    "first step": "SELECT 1 FROM label WHERE submission_id = ? AND updates > 0",
}
"""What must be in the database once it is reached, in their order."""


@dataclass(kw_only=True)
class Stack:
    """checkout: of the project, with its .venv. home: where its stack runs. service: `cleanse up`, while it runs."""

    checkout: Path
    home: Path
    service: "subprocess.Popen[str] | None" = None

    def up(self) -> None:
        """Begin `cleanse up`, and wait until it has told both addresses."""
        self.service = subprocess.Popen(
            self._line("up", "--port", "0"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.service.stdout is not None
        for _ in range(2):
            self.service.stdout.readline()

    def run(self, model: Path, data: Path) -> None:
        """A whole scan, whatever its verdict."""
        self._command(*self._scan(model, data), accepted=(0, 3, 4))

    def down(self) -> None:
        """End it."""
        self._command("down")
        if self.service is not None:
            self.service.communicate()
            self.service = None

    def forget(self) -> None:
        """End it, and let its home be new again."""
        self.down()
        shutil.rmtree(self.home)

    def start(self, model: Path, data: Path) -> dict[str, tuple[float, float]]:
        """Begin a scan, and cancel it at its first step; the stack goes on running.

        Returns, for each milestone, seconds and the processor seconds that all processes have taken by then.
        """
        known, spent, begin = self._newest(), self.spent(), time.monotonic()
        reached: dict[str, tuple[float, float]] = {}
        command = subprocess.Popen(
            self._line(*self._scan(model, data)),
            env={**os.environ, **QUICK},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while len(reached) < len(MILESTONES):
                if command.poll() is not None or time.monotonic() - begin > PATIENCE_SECONDS:
                    raise SystemExit(f"no first step of a scan under {self.home}: status {command.returncode}")
                submission = self._newest()
                for milestone, query in MILESTONES.items() if submission != known else ():
                    if milestone not in reached and self._asked(query, submission):
                        seconds, of_command = time.monotonic() - begin, psutil.Process(command.pid).cpu_times()
                        reached[milestone] = (seconds, self.spent() - spent + of_command.user + of_command.system)
                time.sleep(0.02)
        finally:
            command.kill()
            command.wait()
        self._command("cancel", str(self._newest()))
        return reached

    def processes(self) -> dict[str, list[psutil.Process]]:
        """What runs, by name; those of a pool are with the process that keeps it."""
        state = json.loads((self.home / "stack.json").read_text())
        supervisor = psutil.Process(state["pid"])
        named = {child["name"]: psutil.Process(child["pid"]) for child in state["children"] if child["pid"]}
        broker = [one for one in supervisor.children() if one not in named.values()]
        clients = [] if self.service is None else [psutil.Process(self.service.pid)]
        of_workers = {name: [one, *one.children(recursive=True)] for name, one in sorted(named.items())}
        return {"cleanse up": clients, "supervisor": [supervisor], "broker": broker, **of_workers}

    def spent(self) -> float:
        """Processor seconds of everything that runs, and of what that has started and seen end."""
        if not (self.home / "stack.json").exists():
            return 0.0
        spent = 0.0
        for name, processes in self.processes().items():
            for process in processes if name != "cleanse up" else ():
                with suppress(psutil.NoSuchProcess):
                    spent += sum(process.cpu_times()[:4])
        return spent

    def _newest(self) -> str | None:
        found = self._asked("SELECT id FROM submission ORDER BY created_at DESC LIMIT 1")
        return None if found is None else str(found)

    def _asked(self, query: str, *of: str | None) -> object:
        """The first cell that the database answers with, None where it has no answer, or is not there (yet)."""
        try:
            database = sqlite3.connect(f"file:{self.home / 'cleanse.sqlite'}?mode=ro", uri=True)
            with closing(database):
                row = database.execute(query, of).fetchone()
        except sqlite3.OperationalError:
            return None
        return None if row is None else row[0]

    def _scan(self, model: Path, data: Path) -> tuple[str | Path, ...]:
        return ("run", model, "--data", data, "--mitigate", "none", "--force", "--out", f"{self.home}-out")

    def _line(self, *words: str | Path) -> list[str]:
        return [str(self.checkout / ".venv/bin/cleanse"), *map(str, words), "--home", str(self.home)]

    def _command(self, *words: str | Path, accepted: tuple[int, ...] = (0,)) -> None:
        ran = subprocess.run(self._line(*words), capture_output=True, text=True)
        if ran.returncode not in accepted:
            raise SystemExit(f"{' '.join(map(str, words))}: {ran.stderr}")
