"""`cleanse up` as a user has it: two addresses, everything behind them, and an end."""

import json
import re
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from nc_tasks.embedded.client import status
from nc_tasks.embedded.processes import wait_until
from nc_tasks.settings import Settings
from tests.e2e.conftest import PATIENCE_SECONDS, Cleanse, Planted

pytestmark = pytest.mark.e2e


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cleanse]:
    """The command under a home of its own."""
    command = Cleanse(home=tmp_path)
    yield command
    command("down")


def modes(folder: Path) -> set[str]:
    """Of the folder and everything in it, as `ls -l` writes them."""
    return {stat.filemode(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}


def addresses(process: "subprocess.Popen[str]") -> list[str]:
    """What it prints once both answer."""
    assert process.stdout is not None
    return [re.search(r"http://\S+", process.stdout.readline())[0] for _ in range(2)]  # type: ignore[index]


def test_up_prints_two_addresses_that_answer_and_ctrl_c_ends_all(own: Cleanse) -> None:
    # When
    process = own.start("up", "--port", 0, "--workers", 1)
    service, flower = addresses(process)
    # Then
    with httpx.Client(trust_env=False) as client:
        assert client.get(f"{service}healthz").json()["status"] == "ok"
        assert "Flower" in client.get(f"{flower}tasks").text
        # And work would be begun: the workers were heard of, though nothing was submitted yet
        assert client.get(f"{service}readyz").status_code == 200

    # And the doctor names each of them
    def doctor() -> dict[str, str]:
        return next(check for check in json.loads(own("doctor", "--json").out) if check["name"] == "workers")

    told = "1 process for labels on 1 host, 2 processes for control on 1 host"
    assert wait_until(lambda: doctor()["found"] == told, 60), doctor()
    assert doctor()["state"] == "ok"
    # And a second one finds the first
    second = own.start("up", "--port", 0, "--workers", 1)
    assert addresses(second) == [service, flower]
    second.send_signal(signal.SIGINT)
    assert second.wait(PATIENCE_SECONDS) == 0
    assert httpx.get(f"{service}healthz", trust_env=False).status_code == 200
    # And the end of the first is the end of all
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert status(Settings(home=own.home)) is None
    assert not (own.home / "api.json").exists()
    for pipes in (process, second):
        pipes.communicate()


def test_a_detached_one_answers_a_submission_with_a_verdict_until_it_is_taken_down(
    tmp_path: Path, planted: Planted
) -> None:
    # Given a user whose files everybody may change
    own = Cleanse(home=tmp_path / "home", umask=0)
    ran = own("up", "--port", 0, "--workers", 1, "--detach")
    assert ran.code == 0, ran.err
    service = re.findall(r"http://\S+", ran.out)[0]
    # When the demo's BadNet is submitted
    with httpx.Client(base_url=service, trust_env=False, timeout=60) as client:
        files = {
            "model": ("badnet.keras", planted.model.read_bytes()),
            "data": ("clean.npz", planted.clean.read_bytes()),
        }
        options = {"labels": [5, 6, 7], "mitigate": [], "value_range": "0..1"}
        made = client.post("v1/submissions", files=files, data={"options": json.dumps(options)})
        assert made.status_code in (200, 201, 202), made.text
        path = f"v1/submissions/{made.json()['id']}"
        # Then it ends with its verdict
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := client.get(path).json())["state"] not in ("done", "failed", "refused"):
            assert time.monotonic() < deadline
            time.sleep(0.5)
    assert (found["state"], found["verdict"]) == ("done", "backdoored")
    # And what the command line does beside it writes for everybody where that was asked for
    one = ("--labels", 6, "--mitigate", "none", "--value-range", "0..1")
    ran = own("run", planted.model, "--data", planted.clean, *one, "--out", tmp_path / "o")
    assert ran.code in (3, 4), ran.err
    assert modes(tmp_path / "o") == {"drwxrwxrwx", "-rw-rw-rw-"}
    # And nothing under the home is open to others, of whatever process
    assert {mode[4:] for mode in modes(own.home)} == {"------"}
    assert {mode[0] for mode in modes(own.home)} == {"d", "-", "s"}
    # And `down` ends what nobody waits for
    assert own("down").code == 0
    assert status(Settings(home=own.home)) is None
    time.sleep(2)
    assert status(Settings(home=own.home)) is None


def test_an_address_that_others_reach_is_refused_without_keys(own: Cleanse) -> None:
    ran = own("up", "--host", "0.0.0.0", "--port", 0)
    assert ran.code == 2
    assert "no key was made" in ran.err
    assert status(Settings(home=own.home)) is None
