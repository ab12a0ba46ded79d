"""Several hosts: broker and database on one, workers on two others, and cables that are pulled."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from nc_tasks.embedded.broker import start_broker
from nc_tasks.embedded.client import status
from nc_tasks.embedded.files import stack_files
from nc_tasks.messages.address import socket_path
from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.rows import labels, submissions, workers
from tests.benchmarks.fanout import prepared
from tests.faults import hosts
from tests.faults.home import eventually
from tests.faults.hosts import ADDRESS, Hosts
from tests.faults.script import Script
from tests.servers.postgresql import PostgreSQL

COUNT = 40


@pytest.fixture
def network() -> Iterator[Hosts]:
    with hosts.connected(2) as made:
        yield made


@pytest.fixture
def store(settings: Settings, network: Hosts, postgresql: PostgreSQL) -> Iterator[Store]:
    """The store as this process has it; sweeper, control worker and two label workers run on the hosts."""
    here = make_url(postgresql.database())
    broker = start_broker(settings, stack_files(settings))
    socket = f"{here.query['host']}/.s.PGSQL.5432"
    forward = (sys.executable, "-m", "tests.faults.hosts", str(socket_path(settings)), socket)
    network.start(network.servers, *forward, log=settings.logs / "forward.log")
    remote = here.set(host=ADDRESS, port=5432, query={})
    there = settings.model_copy(
        update={
            "database_url": remote.render_as_string(hide_password=False),
            "redis_url": f"redis://{ADDRESS}:6379/0",
            "worker_slots": 4,
        }
    )
    for host, name in (
        (network.servers, "sweeper"),
        (network.others[0], "control"),
        (network.others[0], "labels"),
        (network.others[1], "labels"),
    ):
        network.serve(host, name, there, include="tests.faults.worker")
    store = open_store(settings.model_copy(update={"database_url": here.render_as_string(hide_password=False)}))
    yield store
    store.close()
    broker.stop()


def test_a_host_that_is_cut_off_loses_its_labels_to_the_other(store: Store, network: Hosts, settings: Settings) -> None:
    assert status(settings) is None
    script = Script(Path(settings.home))
    # Given labels that run on both hosts
    script.let_each_take(0.5)
    submission = prepared(store, COUNT)

    def at_work() -> set[str]:
        with store.read() as session:
            rows = labels.of_round(session, submission_id=submission, round=0)
            return {str(row.worker_id) for row in rows if row.state == "running"}

    eventually(lambda: len(at_work()) == 2)
    # When one is cut off for longer than a lease, and then is back
    network.unplug(network.others[1])
    time.sleep(3 * settings.lease_seconds)
    network.plug(network.others[1])

    # Then every label ends, and both hosts are heard of again
    def state() -> str:
        with store.read() as session:
            return submissions.get(session, submission_id=submission).state

    eventually(lambda: state() == "done")
    with store.read() as session:
        assert labels.counts(session, submission_id=submission).states == {"not_converged": COUNT}
    eventually(lambda: _heard_of(store) == 2)


def _heard_of(store: Store) -> int:
    with store.read() as session:
        return len(workers.live(session, within_seconds=2.0, queue="labels"))
