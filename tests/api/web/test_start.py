"""Where the service may listen, whom it believes about who asks, and what it clears away when it begins."""

import json
import os
import signal
import subprocess
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from api.web.app import create_app
from api.web.server import check_address, config_of
from nc_core.errors import OptionRefused
from nc_tasks.embedded.processes import wait_until
from nc_tasks.settings import Settings
from tests.api.service.conftest import MakeKey, form, serving


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_given_no_key_then_this_machines_own_addresses_are_fine(tmp_path: Path, host: str) -> None:
    check_address(Settings(home=tmp_path, database_url=None, api_host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "cleanse.example"])
def test_given_no_key_then_an_address_that_others_reach_is_refused_and_with_one_it_is_not(
    settings: Settings, make_key: MakeKey, host: str
) -> None:
    open_to_all = settings.model_copy(update={"api_host": host})
    with pytest.raises(OptionRefused, match="no key was made: run `cleanse key create` first"):
        check_address(open_to_all)
    make_key("alice")
    check_address(open_to_all)


def test_given_uploads_that_a_crash_cut_off_when_it_starts_then_old_ones_go_and_young_ones_stay(
    app: FastAPI, settings: Settings
) -> None:
    # Given what an upload of long ago has left in the folder of this process, and one that another takes in now
    settings.artefacts.mkdir(parents=True)
    cut_off, under_way = settings.artefacts / "old.tmp", settings.artefacts / "young.tmp"
    for path in (cut_off, under_way):
        path.touch()
    os.utime(cut_off, (0, 0))
    with serving(app):
        assert wait_until(lambda: not cut_off.exists(), 10)
    assert under_way.exists()


FORWARDED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    ("proxies", "address", "secure"),
    [(None, "127.0.0.1", False), ("10.0.0.0/8,::1", "127.0.0.1", False), ("127.0.0.0/8", "203.0.113.7", True)],
)
def test_given_a_client_that_names_another_address_then_a_trusted_proxy_alone_is_believed(
    settings: Settings, sent: list[str], make_key: MakeKey, proxies: str | None, address: str, secure: bool
) -> None:
    del sent
    root = make_key("root", "admin")
    chosen = settings.model_copy(update={"trusted_proxies": proxies})
    app = create_app(chosen)
    with serving(app, config_of(chosen, app)) as url, httpx.Client(base_url=url, trust_env=False) as client:
        assert client.post("/v1/submissions", headers={**root, **FORWARDED}, **form()).status_code == 202
        (entry,) = client.get("/v1/audit", headers=root).json()["items"]
        key = root["Authorization"].removeprefix("Bearer ")
        cookie = client.post("/sign-in", data={"key": key}, headers={**FORWARDED, "Origin": url}).headers["set-cookie"]
    assert (entry["address"], "secure" in cookie.lower()) == (address, secure)


@pytest.mark.parametrize("proxies", ["*", "10.0.0.0/33", "proxy.example", "10.0.0.1,"])
def test_given_trusted_proxies_that_are_no_addresses_then_the_setting_is_refused(tmp_path: Path, proxies: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings(home=tmp_path, trusted_proxies=proxies)


def test_when_it_is_told_to_end_then_it_does_in_good_order(settings: Settings) -> None:
    # Given a service in a process of its own, that has waited for a while
    environment = {**os.environ, **settings.environment(), "CLEANSE_API_PORT": "0"}
    with subprocess.Popen([sys.executable, "-P", "-m", "api.web"], env=environment, stderr=subprocess.PIPE) as service:
        assert wait_until(settings.api_file.exists, 60)
        url = json.loads(settings.api_file.read_text())["url"]
        time.sleep(1.5)
        # Then its answers have the time of the day
        date = httpx.get(f"{url}/healthz", trust_env=False, timeout=60).headers["date"]
        assert abs(time.time() - parsedate_to_datetime(date).timestamp()) < 60
        # When it is told to end, then it does, and takes its address away
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0
    assert not settings.api_file.exists()
