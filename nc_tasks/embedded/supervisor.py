"""The one process that keeps a home's stack running: `python -m nc_tasks.embedded.supervisor`.

It starts the broker and the workers, restarts what dies, follows what the attached clients want, and ends by
itself when nobody has been attached and nothing has been to do for a while. If it is killed, the kernel ends
its workers; the broker lives on and is adopted by the next supervisor.
"""

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from nc_core.errors import CleanseError
from nc_tasks.capacity import slots_of
from nc_tasks.embedded.broker import Broker, make_private, start_broker
from nc_tasks.embedded.child import QUIT_SECONDS, Child
from nc_tasks.embedded.clients import Wanted, live_clients
from nc_tasks.embedded.commands import Command, Commands, worker_commands
from nc_tasks.embedded.files import StackFiles, stack_files
from nc_tasks.embedded.idle import IdleClock
from nc_tasks.embedded.leftovers import end_workers
from nc_tasks.embedded.locks import lock_within, try_lock, write_holder
from nc_tasks.embedded.state import ChildState, StackState, stack_version, utc_now, write_state
from nc_tasks.embedded.wakeups import Wakeups, woken_by_signals
from nc_tasks.errors import StackFailed
from nc_tasks.logs import configure
from nc_tasks.messages.address import broker_url, socket_path
from nc_tasks.settings import Settings, get_settings

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
"""Between two looks while a process is to be started or ended."""
SETTLED_SECONDS = 2.0
"""Between two looks while all runs as it is wanted: what no signal tells of (see `wakeups`) is seen so late."""
LATER_SECONDS = 5.0
"""From the start of a stack to that of the processes that nobody waits for then: all load the same large packages,
which takes this long on a processor of their own, and the ones that a first submission needs would be held up by the
others."""
LOCK_SECONDS = 5.0
"""Patience with those who look whether a supervisor runs; each holds the lock for microseconds."""


class Supervisor:
    """Broker and workers of one home. The caller holds the supervisor's lock."""

    def __init__(self, settings: Settings, files: StackFiles, commands: Commands) -> None:
        self.stopping = False
        self._settings, self._files, self._commands = settings, files, commands
        self._wanted = Wanted(workers=1, slots=slots_of(settings))
        self._attached: list[Wanted] = []
        self._made: tuple[Wanted, dict[str, Command]] | None = None
        self._broker: Broker | None = None
        self._children: dict[str, Child] = {}
        self._idle = IdleClock(settings)
        self._version, self._started_at = stack_version(settings), utc_now()
        self._later = time.monotonic() + LATER_SECONDS
        self._written: StackState | None = None

    def start(self) -> None:
        """Broker and first workers; raises StackFailed."""
        end_workers(self._files)
        make_private(socket_path(self._settings).parent)
        self._keep_broker()
        self.tick()

    def run(self, wakeups: Wakeups) -> None:
        """Until a signal sets `stopping`, or there has been nothing to do for long enough."""
        while not self.stopping:
            wakeups.sleep(self._pause())
            self._keep_broker()
            self.tick()
            self._leave_when_idle()

    def tick(self) -> None:
        """Follow the clients and look after every worker once."""
        self._follow_clients()
        commands = self._commands_due()
        for name in commands.keys() - self._children.keys():
            self._children[name] = self._child(name)
        for name, child in list(self._children.items()):
            child.tick(commands.get(name), self._environment)
            if child.pid is None and name not in commands:
                del self._children[name]
        self._write()

    def stop(self) -> None:
        """End the workers, then the broker."""
        self.stopping = True
        self._write()
        deadline = time.monotonic() + self._settings.stop_seconds + 2 * QUIT_SECONDS
        while self._children and time.monotonic() < deadline:
            for name, child in list(self._children.items()):
                child.tick(None, self._environment)
                if child.pid is None:
                    del self._children[name]
            time.sleep(POLL_SECONDS / 5)
        if self._broker is not None:
            self._broker.stop()
        self._files.state.unlink(missing_ok=True)

    def _pause(self) -> float:
        settled = time.monotonic() >= self._later and all(child.settled for child in self._children.values())
        return min(SETTLED_SECONDS, self._settings.idle_seconds / 4) if settled else POLL_SECONDS

    def _commands_due(self) -> dict[str, Command]:
        waits = time.monotonic() < self._later
        return {name: command for name, command in self._commands_wanted().items() if not (waits and command.later)}

    def _commands_wanted(self) -> dict[str, Command]:
        if self._made is None or self._made[0] != self._wanted:
            made = {command.name: command for command in self._commands(self._settings, self._wanted)}
            self._made = self._wanted, made
        return self._made[1]

    def _follow_clients(self) -> None:
        clients = self._attached = live_clients(self._files.clients)
        if clients:
            # Fewer slots are not worth a restart of workers that may be busy; more are.
            slots = max(self._wanted.slots if self._children else 1, *(client.slots for client in clients))
            services = [client.service for client in clients if client.service is not None]
            # One that runs stays where it is while anybody wants one.
            service = self._wanted.service if services and self._wanted.service else next(iter(services), None)
            workers = max(client.workers for client in clients)
            self._wanted = Wanted(workers=workers, slots=slots, service=service)

    def _leave_when_idle(self) -> None:
        if self._attached:
            self._idle.reset()
            return
        if not self._idle.is_over():
            return
        # Under the lock that a client attaches under: it either is here by now, or finds us stopping.
        starting = try_lock(self._files.start_lock)
        if starting is None:
            return
        with starting:
            if not live_clients(self._files.clients):
                self.stopping = True
                self._write()

    def _keep_broker(self) -> None:
        if self._settings.redis_url is None and (self._broker is None or not self._broker.alive):
            self._broker = start_broker(self._settings, self._files)
            log.info("broker runs, pid %d", self._broker.pid)

    def _child(self, name: str) -> Child:
        settings = self._settings
        return Child(name, folder=settings.home, logs=self._files.logs, stop_seconds=settings.stop_seconds)

    def _url(self) -> str:
        return self._settings.redis_url or broker_url(self._settings)

    def _environment(self) -> dict[str, str]:
        # Last word to ours: the CUDA variables and all others pass through.
        return {
            **os.environ,
            **self._settings.environment(),
            "CLEANSE_REDIS_URL": self._url(),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }

    def _write(self) -> None:
        children = tuple(
            ChildState(name=child.name, pid=child.pid, started=child.started, deaths=child.deaths)
            for child in sorted(self._children.values(), key=lambda child: child.name)
        )
        state = StackState(
            pid=os.getpid(),
            version=self._version,
            started_at=self._started_at,
            stopping=self.stopping,
            broker_url=self._url(),
            slots=self._wanted.slots,
            children=children,
        )
        if state != self._written:
            write_state(self._files.state, state)
            self._written = state


def run(settings: Settings, *, ready: int, commands: Commands) -> None:
    """Supervise until told to end. ready: a pipe that gets the line "ready", or why not, and is closed."""
    files = stack_files(settings)
    lock = lock_within(files.supervisor_lock, LOCK_SECONDS)
    if lock is None:
        raise StackFailed(f"another supervisor runs under {settings.home}")
    with lock, woken_by_signals() as wakeups:
        write_holder(lock)
        supervisor = Supervisor(settings, files, commands)

        def stop(number: int, _: FrameType | None) -> None:
            log.info("told to stop by signal %d", number)
            supervisor.stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        try:
            supervisor.start()
            _tell(ready, "ready")
            supervisor.run(wakeups)
        finally:
            supervisor.stop()


def main(arguments: list[str] | None = None, *, commands: Commands = worker_commands) -> int:
    """Entry point; settings come from the environment, the home from the command line."""
    parser = argparse.ArgumentParser(prog="nc_tasks.embedded.supervisor")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--ready", type=int, required=True, metavar="FD")
    options = parser.parse_args(arguments)
    configure(get_settings())
    os.set_inheritable(options.ready, False)
    try:
        run(get_settings().model_copy(update={"home": options.home}), ready=options.ready, commands=commands)
    except CleanseError as error:
        log.error("%s", error)
        _tell(options.ready, str(error))
        return 1
    log.info("stopped")
    return 0


def _tell(pipe: int, line: str) -> None:
    try:
        os.write(pipe, line.encode() + b"\n")
        os.close(pipe)
    except OSError:
        # Told before, or the client that started us is gone: the stack runs all the same.
        return


if __name__ == "__main__":
    sys.exit(main())
