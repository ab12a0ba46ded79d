"""A home is its owner's alone, whoever makes it first; an older one is closed, and that is said once."""

import logging
import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.results.exports.keys import key_of
from nc_core.errors import OptionRefused
from nc_tasks import private
from nc_tasks.embedded.clients import Client, Wanted
from nc_tasks.embedded.files import open_log, stack_files
from nc_tasks.embedded.locks import locked, try_lock
from nc_tasks.embedded.state import StackState, write_state
from nc_tasks.files import open_artefacts
from nc_tasks.settings import Settings
from nc_tasks.store import open_store


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    """What is made is open to all unless it says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def settings_of(home: Path) -> Settings:
    return Settings(home=home, redis_url=None, database_url=None)


def open_to_others(home: Path) -> list[str]:
    """Links left out: their modes say nothing."""
    found = ((path, path.lstat().st_mode) for path in (home, *home.rglob("*")))
    return [f"{stat.filemode(mode)} {path}" for path, mode in found if not stat.S_ISLNK(mode) and mode & 0o077]


def _store(settings: Settings) -> None:
    store = open_store(settings)
    with store.write() as session:
        session.connection().exec_driver_sql("SELECT 1")
        # While it is open: its log and its index are there too
        assert open_to_others(settings.home) == []
    store.close()


def _artefacts(settings: Settings) -> None:
    artefacts = open_artefacts(settings)
    artefacts.put_bytes(b"one")
    aside = artefacts.incoming / "two.tmp"
    with private.open_file(aside, "wb") as file:
        file.write(b"two")
    artefacts.adopt(aside, "b" * 64)


def _stack(settings: Settings) -> None:
    files = stack_files(settings)
    open_log(files.logs / "a.log").close()
    with locked(files.start_lock):
        client = Client.enter(files.clients, Wanted(workers=1, slots=1))
    lock = try_lock(files.supervisor_lock)
    assert lock is not None
    state = StackState(pid=1, version="1", started_at="", stopping=False, broker_url="", slots=1, children=())
    write_state(files.state, state)
    assert open_to_others(settings.home) == []
    client.leave()
    lock.close()


FIRST: dict[str, Callable[[Settings], object]] = {
    "store": _store,
    "artefacts": _artefacts,
    "stack": _stack,
    "key": key_of,
}


@pytest.mark.parametrize("maker", FIRST)
def test_whoever_makes_a_home_first_makes_it_private(maker: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "above" / "home")
    FIRST[maker](settings)
    assert open_to_others(tmp_path / "above") == []


def older(home: Path) -> None:
    """As a home was once left behind: files for everybody, under folders for everybody."""
    (home / "artefacts" / "ab").mkdir(parents=True)
    for name in ("cleanse.sqlite", "stack.lock", "artefacts/ab/cd", "logs.txt"):
        (home / name).write_bytes(b"")
        (home / name).chmod(0o666)
    (home / "artefacts" / "ab" / "cd").chmod(0o444)
    (home / "run.sh").write_bytes(b"")
    (home / "run.sh").chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "s"))


@pytest.mark.parametrize("mode", [0o777, 0o755, 0o750, 0o700])
def test_an_open_home_is_closed_and_that_is_said_once(
    mode: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a home of an older version, which somebody else's file is linked into
    home, elsewhere = tmp_path / "h", tmp_path / "elsewhere"
    older(home)
    elsewhere.write_bytes(b"")
    (home / "artefacts" / "link").symlink_to(elsewhere)
    (home / "link").symlink_to(tmp_path)
    home.chmod(mode)
    # When anything uses it, and again
    with caplog.at_level(logging.WARNING):
        for maker in (_store, _artefacts, _stack):
            maker(settings_of(home))
    # Then it is its owner's alone, who may do what he could
    assert open_to_others(home) == []
    assert stat.S_IMODE((home / "artefacts" / "ab" / "cd").stat().st_mode) == 0o400
    assert stat.S_IMODE((home / "run.sh").stat().st_mode) == 0o700
    # And nothing beyond it was touched
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o666
    assert [record.message for record in caplog.records if "was open to other users" in record.message] == [
        caplog.records[0].message
    ]


def test_a_folder_that_is_everybodys_is_no_home(tmp_path: Path) -> None:
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(OptionRefused, match="choose a home of its own"):
        private.make_home(shared)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
