from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from nc_tasks.embedded.client import attach, down
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from tests.faults.home import COUNTING, SLOTS, SUPERVISOR, Home


@dataclass
class Ledger:
    """What all faults together came to."""

    faults: int = 0
    submissions: int = 0
    labels: int = 0
    lost: int = 0
    duplicated: int = 0


LEDGER = Ledger()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Everything in quick time: a lease of 3 s, a look of the sweeper every half second."""
    for name in ("REDIS_URL", "DATABASE_URL", "CLEANSE_REDIS_URL", "CLEANSE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return Settings(
        home=tmp_path / "home",
        lease_seconds=3.0,
        heartbeat_seconds=0.2,
        sweep_seconds=0.5,
        stop_seconds=2.0,
        stuck_seconds=2.0,
        warm_up=False,
        control_processes=1,
    )


@pytest.fixture
def home(settings: Settings) -> Iterator[Home]:
    """A running stack: one control worker, one label worker of `SLOTS` slots, a sweeper, a broker."""
    with running(settings) as home:
        yield home


@contextmanager
def running(settings: Settings, *, service: tuple[str, int] | None = None) -> Iterator[Home]:
    """A stack on the database of these settings, whose labels are counted when it has done what the test wanted."""
    store = open_store(settings)
    with store.write() as session:
        for statement in COUNTING[store.engine.dialect.name]:
            session.execute(text(statement))
    try:
        with attach(settings, workers=1, slots=SLOTS, service=service, supervisor=SUPERVISOR) as stack:
            home = Home(settings=settings, store=store, stack=stack)
            yield home
            LEDGER.faults += 1
            LEDGER.submissions += len(home.submissions)
            LEDGER.labels += sum(home.submissions.values())
            LEDGER.lost += home.lost()
            LEDGER.duplicated += home.duplicated()
    finally:
        store.close()
        down(settings)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes of tests hands its counts on."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["faults"] = asdict(LEDGER)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    for name, count in getattr(node, "workeroutput", {}).get("faults", {}).items():
        setattr(LEDGER, name, getattr(LEDGER, name) + count)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LEDGER.faults:
        terminalreporter.write_line(
            f"faults {LEDGER.faults}, submissions {LEDGER.submissions}, labels {LEDGER.labels}, "
            f"lost {LEDGER.lost}, results written twice {LEDGER.duplicated}"
        )
