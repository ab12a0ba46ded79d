"""The stack as the command line sees it: attach to it, ask about it, stop it."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nc_tasks
from nc_tasks.embedded import detach
from nc_tasks.embedded.child import QUIT_SECONDS
from nc_tasks.embedded.clients import Client, Wanted, dismiss, live_clients
from nc_tasks.embedded.files import StackFiles, last_line, open_log, stack_files
from nc_tasks.embedded.leftovers import end_broker, end_workers
from nc_tasks.embedded.locks import is_locked, locked, read_holder
from nc_tasks.embedded.processes import KILLED_SECONDS, stop_process, wait_until
from nc_tasks.embedded.state import StackState, read_state, stack_version
from nc_tasks.embedded.wakeups import wake
from nc_tasks.errors import StackFailed
from nc_tasks.private import UMASK
from nc_tasks.settings import Settings

SUPERVISOR = (sys.executable, "-P", "-m", "nc_tasks.embedded.supervisor")
START_SECONDS = 60.0
"""Until broker and workers are started; a second is usual."""
DEATHS = 3
"""Deaths in a row, each soon after a start, from which on a worker is called broken."""


class Stack:
    """A running stack that this process is attached to."""

    def __init__(self, settings: Settings, files: StackFiles, client: Client, supervisor: Sequence[str]) -> None:
        self._settings, self._files, self._client, self._supervisor = settings, files, client, supervisor

    @property
    def broker_url(self) -> str:
        """The broker as Celery writes it."""
        return self.state().broker_url

    def state(self) -> StackState:
        """What runs; raises StackFailed where nothing does."""
        state = status(self._settings)
        if state is None:
            raise StackFailed(f"the workers under {self._settings.home} do not run any more")
        return state

    def ensure(self) -> bool:
        """Start the stack again if its supervisor has died; returns whether that was needed."""
        if is_locked(self._files.supervisor_lock):
            return False
        with locked(self._files.start_lock):
            return _start_unless_running(self._settings, self._files, self._supervisor)

    def problem(self) -> str | None:
        """One line about a worker that dies again and again, None while all is well."""
        state = read_state(self._files.state)
        for child in () if state is None else state.children:
            if child.deaths >= DEATHS:
                log = self._files.logs / f"{child.name}.log"
                return f"worker {child.name} died {child.deaths} times: {last_line(log)} (log: {log})"
        return None

    @property
    def dismissed(self) -> bool:
        """Whether `down` was called and sent this client away."""
        return self._client.dismissed

    def stop_if_last(self) -> bool:
        """Detach, and stop the whole stack unless another client is attached; returns whether it stopped."""
        with locked(self._files.start_lock):
            self._client.leave()
            if live_clients(self._files.clients):
                return False
            return _stop(self._settings, self._files)

    def leave(self) -> None:
        """Detach; the stack finishes what it has and then ends by itself."""
        self._client.leave()


@contextmanager
def attach(
    settings: Settings,
    *,
    workers: int = 1,
    slots: int,
    service: tuple[str, int] | None = None,
    supervisor: Sequence[str] = SUPERVISOR,
) -> Iterator[Stack]:
    """Start this home's stack or adopt the running one, and keep it up for the block; raises StackFailed.

    workers: processes of the label queue; slots: labels that each holds at a time. Of several clients the
    largest number counts. service: address and port of an HTTP service, with Flower beside it; one that runs keeps its
    own. A stack of another version of the program, of another store or broker, is replaced.
    """
    files = stack_files(settings)
    with locked(files.start_lock):
        client = Client.enter(files.clients, Wanted(workers=workers, slots=slots, service=service))
        try:
            _stop_other_version(settings, files)
            if not _start_unless_running(settings, files, supervisor):
                wake(files.supervisor_lock)
        except BaseException:
            client.leave()
            raise
    try:
        yield Stack(settings, files, client, supervisor)
    finally:
        client.leave()


def status(settings: Settings) -> StackState | None:
    """What runs under this home, None where nothing does."""
    files = stack_files(settings)
    return read_state(files.state) if is_locked(files.supervisor_lock) else None


def down(settings: Settings) -> bool:
    """Stop this home's stack, whoever is attached, and wait for it; returns whether anything ran."""
    files = stack_files(settings)
    with locked(files.start_lock):
        dismiss(files.clients)
        return _stop(settings, files)


def _stop_other_version(settings: Settings, files: StackFiles) -> None:
    if not is_locked(files.supervisor_lock):
        return
    state = read_state(files.state)
    if state is None or state.stopping or state.version != stack_version(settings):
        _stop(settings, files)


def _start_unless_running(settings: Settings, files: StackFiles, supervisor: Sequence[str]) -> bool:
    if is_locked(files.supervisor_lock):
        return False
    log = files.logs / "supervisor.log"
    reading, writing = os.pipe()
    try:
        with open_log(log) as output:
            subprocess.run(
                _command(settings, supervisor, writing),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=settings.home,
                env=_environment(settings),
                pass_fds=(writing,),
                umask=UMASK,
                check=True,
            )
        os.close(writing)
        answer = _read_line(reading, START_SECONDS)
    finally:
        os.close(reading)
    if answer != "ready":
        raise StackFailed(f"the workers did not start: {answer or last_line(log)} (log: {log})")
    return True


def _command(settings: Settings, supervisor: Sequence[str], ready: int) -> list[str]:
    detached = (sys.executable, "-I", detach.__file__, *supervisor)
    return [*detached, "--home", str(settings.home), "--ready", str(ready)]


def _environment(settings: Settings) -> dict[str, str]:
    # The packages may lie in a checkout that is not installed; the workers do not start in our folder.
    root = str(Path(nc_tasks.__path__[0]).parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, **settings.environment(), "PYTHONPATH": path}


def _read_line(pipe: int, seconds: float) -> str:
    """What comes through the pipe until a line or the pipe ends; as far as it came when the time is over."""
    deadline, text = time.monotonic() + seconds, b""
    while not text.endswith(b"\n"):
        readable, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(pipe, 4096) if readable else b""
        if not part:
            break
        text += part
    return text.decode(errors="replace").strip()


def _stop(settings: Settings, files: StackFiles) -> bool:
    """Stop whatever runs; the caller holds the start lock."""
    ran = is_locked(files.supervisor_lock)
    if ran:
        _stop_supervisor(settings, files)
    # What it had no time for, or what one that was killed has left.
    workers, broker = end_workers(files), end_broker(settings)
    return ran or workers or broker


def _stop_supervisor(settings: Settings, files: StackFiles) -> None:
    holder = read_holder(files.supervisor_lock)
    if holder is not None:
        stop_process(*holder, seconds=settings.stop_seconds + 4 * QUIT_SECONDS)
    if not wait_until(lambda: not is_locked(files.supervisor_lock), KILLED_SECONDS):
        raise StackFailed(f"the supervisor under {settings.home} does not end; end its process and try again")
