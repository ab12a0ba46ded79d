"""Hosts of one machine: network namespaces, each with a cable to one that has broker and database."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

import pytest

from nc_tasks.embedded.commands import command_of
from nc_tasks.embedded.processes import kill_session
from nc_tasks.settings import Settings

ADDRESS = "10.77.0.1"
"""Of the host with the servers, for all others."""
PORTS = {"broker": 6379, "database": 5432}
END_SECONDS = 8.0
ROOT = Path(__file__).parents[2]


class NoHosts(Exception):
    """Raised where this machine does not let us make any."""


class Hosts:
    """`servers` and the others by number; what is started on them ends with them."""

    def __init__(self, count: int) -> None:
        token = token_hex(3)
        self.servers = f"nc{token}s"
        self.others = [f"nc{token}w{number}" for number in range(count)]
        self._processes: list[subprocess.Popen[bytes]] = []

    def connect(self) -> None:
        """Make the namespaces and their cables. Raises NoHosts."""
        if shutil.which("ip") is None or os.geteuid():
            raise NoHosts("network namespaces need the program ip and root")
        try:
            self._connect()
        except subprocess.CalledProcessError as error:
            raise NoHosts(f"this machine makes no network namespaces: {error.stderr.decode().strip()}") from error

    def _connect(self) -> None:
        for name in (self.servers, *self.others):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", self.servers, "address", "add", f"{ADDRESS}/32", "dev", "lo")
        for number, name in enumerate(self.others, start=1):
            near, far = f"10.77.{number}.1", f"10.77.{number}.2"
            _ip(
                "-n", self.servers, "link", "add", f"to{number}", "type", "veth", "peer", "name", "cable", "netns", name
            )
            _ip("-n", self.servers, "address", "add", f"{near}/30", "dev", f"to{number}")
            _ip("-n", self.servers, "link", "set", f"to{number}", "up")
            _ip("-n", name, "address", "add", f"{far}/30", "dev", "cable")
            self.plug(name)

    def unplug(self, name: str) -> None:
        """Pull the cable of a host."""
        _ip("-n", name, "link", "set", "cable", "down")

    def plug(self, name: str) -> None:
        """Put it back."""
        _ip("-n", name, "link", "set", "cable", "up")
        number = self.others.index(name) + 1
        _ip("-n", name, "route", "replace", ADDRESS, "via", f"10.77.{number}.1")

    def serve(
        self, host: str, name: str, settings: Settings, *, include: str, environment: dict[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Run a process of the service on a host; its workers load one module more."""
        command = command_of(name, settings)
        more = ("--include", include) if "nc_tasks.worker" in command.arguments else ()
        # Of one name on two hosts that are one machine's.
        arguments = [part.replace("@%h", f"@{host}") for part in command.arguments]
        return self.start(
            host,
            *arguments,
            *more,
            log=settings.logs / f"{name}-{host}.log",
            environment={**settings.environment(), **command.environment, **(environment or {})},
        )

    def start(
        self, name: str, *command: str, log: Path, environment: dict[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Run a program on a host."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                ["ip", "netns", "exec", name, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )
        self._processes.append(process)
        return process

    def end(self) -> None:
        """End everything that was started, and take the hosts away."""
        for process in self._processes:
            process.terminate()
        deadline = time.monotonic() + END_SECONDS
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.wait()
            kill_session(process.pid)
        for name in (self.servers, *self.others):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


@contextmanager
def connected(count: int) -> Iterator[Hosts]:
    """The hosts; skipped where the machine does not let us make any."""
    hosts = Hosts(count)
    try:
        try:
            hosts.connect()
        except NoHosts as error:
            pytest.skip(str(error))
        yield hosts
    finally:
        hosts.end()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, socket: str) -> None:
    there, back = await asyncio.open_unix_connection(socket)

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(2**16):
                target.write(data)
                await target.drain()
        with suppress(OSError):
            target.close()

    await asyncio.gather(copy(reader, back), copy(there, writer))


async def _serve(sockets: dict[str, str]) -> None:
    servers = [
        await asyncio.start_server(
            lambda reader, writer, socket=socket: _forward(reader, writer, socket), ADDRESS, PORTS[name]
        )
        for name, socket in sockets.items()
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    # The servers listen on sockets of the file system, which all hosts share: this gives them ports on theirs.
    asyncio.run(_serve({"broker": sys.argv[1], "database": sys.argv[2]}))
