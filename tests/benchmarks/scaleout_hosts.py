"""The hosts of `tests.benchmarks.scaleout`: one with the servers, sweeper and control worker, and one a label worker.

PostgreSQL and Valkey listen on sockets of the file system, and a process of the first host gives them ports there.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlalchemy import URL, make_url

from nc_tasks.embedded.broker import start_broker
from nc_tasks.embedded.files import stack_files
from nc_tasks.embedded.processes import wait_until
from nc_tasks.messages.address import socket_path
from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.rows import workers
from tests.benchmarks.peak import memory
from tests.benchmarks.scaleout_worker import SECONDS, SPENT
from tests.faults.hosts import ADDRESS, Hosts
from tests.servers import postgresql
from tests.servers.s3 import CREDENTIALS

START_SECONDS = 300.0
"""Until a process answers, on a machine that does other work."""
LEASE_SECONDS = 10.0
S3_PORT = 7070
AWS = {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": f"http://{ADDRESS}:{S3_PORT}"}
INCLUDE = "tests.benchmarks.scaleout_worker"


@dataclass(kw_only=True, eq=False)
class Cluster:
    """What runs. folder: a home for each host lies there. store: as this process has it. processes: by name."""

    folder: Path
    hosts: Hosts
    store: Store
    settings: Settings
    processes: dict[str, psutil.Process]
    workers: list[str] = field(default_factory=list)

    def start_workers(self, count: int) -> None:
        """Have so many label workers, each on a host of its own, and wait until they are heard of."""
        for host in self.hosts.others[len(self.workers) : count]:
            self.workers.append(host)
            self._serve(host, "labels", f"labels{len(self.workers)}")
        self._heard_of(len(self.workers))

    def cut_off(self) -> None:
        """Pull the cable of the last worker's host."""
        self.hosts.unplug(self.workers[-1])

    def reconnect(self) -> None:
        """Put it back, and wait until the worker is heard of."""
        self.hosts.plug(self.workers[-1])
        self._heard_of(len(self.workers))

    def let_each_take(self, seconds: float) -> None:
        """Let every label take so long from now on."""
        (self.folder / SECONDS).write_text(str(seconds))

    def spent(self) -> dict[str, float]:
        """Processor seconds so far of every process with its children."""
        return {name: sum(sum(each.cpu_times()[:4]) for each in _family(one)) for name, one in self.processes.items()}

    def held(self) -> dict[str, int]:
        """Resident memory (bytes) of every process with its children."""
        return {name: sum(memory("VmRSS", each.pid) for each in _family(one)) for name, one in self.processes.items()}

    def callback_seconds(self, submission: str) -> float:
        """Processor seconds of what followed the rounds of a submission."""
        file = self.folder / self.hosts.servers / SPENT / submission
        wait_until(file.exists, START_SECONDS)
        return sum(map(float, file.read_text().split()))

    def start_rest(self) -> None:
        """Have the bucket, the control worker and the sweeper."""
        server = self._start(sys.executable, "-m", "moto.server", "-H", ADDRESS, "-p", str(S3_PORT), log="s3.log")
        self.processes["S3"] = psutil.Process(server.pid)
        if not wait_until(self._makes_bucket, START_SECONDS):
            raise SystemExit(f"no bucket was made within {START_SECONDS:.0f} s; logs: {self.folder}")
        for name in ("control", "sweeper"):
            self._serve(self.hosts.servers, name, name)

    def _makes_bucket(self) -> bool:
        made = self._start(sys.executable, "-m", "nc_tasks", "bucket", log="bucket.log")
        return made.wait(START_SECONDS) == 0

    def _start(self, *command: str, log: str) -> "subprocess.Popen[bytes]":
        environment = {**self.settings.environment(), **AWS}
        return self.hosts.start(self.hosts.servers, *command, log=self.folder / log, environment=environment)

    def _serve(self, host: str, process: str, name: str) -> None:
        settings = self.settings.model_copy(update={"home": self.folder / host})
        stack_files(settings)
        more = {**AWS, SECONDS: str(self.folder / SECONDS)}
        served = self.hosts.serve(host, process, settings, include=INCLUDE, environment=more)
        self.processes[name] = psutil.Process(served.pid)

    def _heard_of(self, count: int) -> None:
        def there() -> bool:
            with self.store.read() as session:
                return len(workers.live(session, within_seconds=5.0, queue="labels")) == count

        if not wait_until(there, START_SECONDS):
            raise SystemExit(f"{count} label workers were not heard of within {START_SECONDS:.0f} s")


@contextmanager
def running(folder: Path, *, hosts: int, slots: int) -> Iterator[Cluster]:
    """All but the label workers, for so many of them. Raises NoHosts."""
    network = Hosts(hosts)
    try:
        network.connect()
        with postgresql.running() as server:
            here = make_url(server.database())
            local = Settings(home=folder, redis_url=None, database_url=here.render_as_string(hide_password=False))
            broker, store = start_broker(local, stack_files(local)), open_store(local)
            try:
                socket = f"{here.query['host']}/.s.PGSQL.5432"
                forward = (sys.executable, "-m", "tests.faults.hosts", str(socket_path(local)), socket)
                network.start(network.servers, *forward, log=folder / "forward.log")
                database = psutil.Process(int((server.folder / "postmaster.pid").read_text().split()[0]))
                cluster = Cluster(
                    folder=folder,
                    hosts=network,
                    store=store,
                    settings=_remote(here, slots),
                    processes={"PostgreSQL": database, "Valkey": psutil.Process(broker.pid)},
                )
                cluster.let_each_take(0.0)
                cluster.start_rest()
                yield cluster
            finally:
                network.end()
                store.close()
                broker.stop()
    finally:
        network.end()


def _remote(here: URL, slots: int) -> Settings:
    """As the hosts see it."""
    remote = here.set(host=ADDRESS, port=5432, query={})
    return Settings(
        database_url=remote.render_as_string(hide_password=False),
        redis_url=f"redis://{ADDRESS}:6379/0",
        artefacts_url="s3://cleanse/files",
        worker_slots=slots,
        warm_up=False,
        control_processes=1,
        lease_seconds=LEASE_SECONDS,
        sweep_seconds=1.0,
    )


def _family(process: psutil.Process) -> list[psutil.Process]:
    """A process and its children."""
    with suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []
