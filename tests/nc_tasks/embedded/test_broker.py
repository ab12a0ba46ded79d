import os
import signal
from pathlib import Path

import pytest

from nc_tasks.embedded.broker import find_broker, start_broker
from nc_tasks.embedded.files import stack_files
from nc_tasks.errors import StackFailed
from nc_tasks.messages.address import broker_url, client_url, socket_path
from nc_tasks.settings import Settings
from tests.nc_tasks.embedded.conftest import runs


def test_given_a_home_too_deep_for_a_socket_then_it_lies_in_a_private_folder(
    tmp_path: Path,
) -> None:
    settings = Settings(home=tmp_path / ("deep" * 30))
    path = socket_path(settings)
    assert len(os.fsencode(path)) <= 100
    assert path == socket_path(settings) != socket_path(Settings(home=tmp_path / ("deeq" * 30)))
    broker = start_broker(settings, stack_files(settings))
    try:
        assert path.parent.stat().st_mode & 0o777 == 0o700
        found = find_broker(settings)
        assert found is not None
        assert found.pid == broker.pid
    finally:
        broker.stop()
        path.parent.rmdir()


def test_given_a_folder_that_others_can_open_then_no_socket_is_put_there(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / ("deep" * 30))
    folder = socket_path(settings).parent
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    try:
        with pytest.raises(StackFailed, match="its owner alone can open"):
            start_broker(settings, stack_files(settings))
    finally:
        folder.rmdir()


def test_given_a_broker_that_hangs_then_it_is_ended_before_another_starts(settings: Settings) -> None:
    files = stack_files(settings)
    first = start_broker(settings, files)
    os.kill(first.pid, signal.SIGSTOP)
    second = start_broker(settings, files)
    try:
        assert not runs(first.pid)
        assert second.pid != first.pid
    finally:
        second.stop()
        first.stop()


def test_given_a_broker_that_cannot_start_then_its_last_words_are_told(settings: Settings) -> None:
    files = stack_files(settings)
    (files.broker / "appendonlydir").write_text("a file where it wants a folder")
    with pytest.raises(StackFailed, match=r"broker did not start: .*appendonlydir.*broker\.log"):
        start_broker(settings, files)


def test_given_a_home_with_spaces_then_the_url_is_one_that_celery_reads(tmp_path: Path) -> None:
    from kombu.utils.url import parse_url

    settings = Settings(home=tmp_path / "my home % ü")
    assert "/" + parse_url(broker_url(settings))["virtual_host"] == str(socket_path(settings))
    assert client_url(broker_url(settings)) == f"unix://{socket_path(settings)}"
    assert client_url("rediss://host:1/2") == "rediss://host:1/2"
