"""Addresses as MODEL and CLEAN: commands fetch them, say their digests, and leave nothing behind."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from api.cli import jobs
from api.cli.main import run_command
from api.client import CleanseClient
from nc_tasks.settings import Settings
from tests.servers.web import Answer, Web

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
Files = tuple[Path, Path]


@pytest.fixture
def given(server: Web, files: Files, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The addresses of a model and of clean data; the home is that of the settings."""
    monkeypatch.setenv("CLEANSE_HOME", str(settings.home))
    for path in files:
        server.answers[f"/{path.name}"] = Answer(body=path.read_bytes())
    return f"{server.url}/{files[0].name}", f"{server.url}/{files[1].name}"


def test_run_takes_addresses(
    given: tuple[str, str],
    stored: Stored,
    make_result: Make,
    temporary: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a scan of the same files
    stored(make_result(infected={33: 8.2}))
    monkeypatch.chdir(temporary)
    # When it is run on their addresses
    assert run_command(["run", given[0], "--data", given[1], "--sarif", "found.sarif"]) == 3
    # Then it is that one, each file was told with its digest, and what was fetched is gone
    told = capsys.readouterr()
    assert told.out.startswith("BACKDOORED: label 33")
    for address, content in zip(given, (b"model", b"data"), strict=True):
        assert f"Fetched {address}: {len(content)} bytes, sha256 {sha256(content).hexdigest()}\n" in told.err
    assert {path.name for path in temporary.iterdir()} == {"traffic_signs-cleanse", "found.sarif"}
    # And its finding points to the file by its name: it lies nowhere in the project
    (run,) = json.loads((temporary / "found.sarif").read_text())["runs"]
    assert run["artifacts"][0]["location"] == {"uri": "traffic_signs.h5"}


def test_a_baseline_takes_addresses_of_what_was_scanned_before(
    given: tuple[str, str], stored: Stored, make_result: Make, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = stored(make_result())
    gone = given[0].replace("traffic_signs", "gone")
    assert run_command(["baseline", "add", "signs", given[0], gone, "--data", given[1]]) == 2
    told = capsys.readouterr()
    assert f"{identity}  traffic_signs.h5: CLEAN" in told.out
    assert f"cleanse: {gone}: {gone} does not exist" in told.err
    assert run_command(["baseline", "show", "signs", "--json"]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)["items"]] == [identity]
    assert list(temporary.iterdir()) == []


def test_pictures_at_an_address_are_planted_on(
    given: tuple[str, str], temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that plants at once
    asked: list[dict[str, Any]] = []

    def planted(_: Settings, __: str, arguments: dict[str, Any], **___: object) -> dict[str, Any]:
        asked.append(arguments)
        return {"files": {}, "clean_accuracy": 0.9, "triggers": []}

    monkeypatch.setattr(jobs, "run_job", planted)
    # When it is to plant on pictures elsewhere
    folder = str(tmp_path / "badnet")
    assert run_command(["plant", given[1], "--target", "1", "--out", folder]) == 0
    # Then it is sent the file, and what was fetched is gone
    assert asked[0]["data"] == {"sha256": sha256(b"data").hexdigest(), "name": "clean.npz"}
    assert list(temporary.iterdir()) == []
    assert run_command(["plant", f"{given[1]}.gone", "--target", "1", "--out", folder]) == 2
    assert len(asked) == 1


def test_an_attestation_is_held_against_a_model_at_an_address(
    given: tuple[str, str],
    stored: Stored,
    make_result: Make,
    settings: Settings,
    server: Web,
    temporary: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = str(tmp_path / "attestation.json")
    assert run_command(["attest", stored(make_result()), "--out", path]) == 0
    line = ["verify", path, "--key", str(settings.keys / "attestation.pub.pem"), "--model", given[0]]
    capsys.readouterr()
    assert run_command(line) == 0
    assert f"{given[0]} is the file that was submitted" in capsys.readouterr().out
    server.answers["/traffic_signs.h5"] = Answer(body=b"another model")
    assert run_command(line) == 2
    assert f"model {given[0]} has sha256" in capsys.readouterr().err
    assert list(temporary.iterdir()) == []


def test_a_bad_address_is_one_line_and_its_exit_code(
    given: tuple[str, str], server: Web, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["/broken.keras"] = Answer(body=b"x", length=2)
    for model, code in ((f"{server.url}/gone.keras", 2), ("hf://org", 2), (f"{server.url}/broken.keras", 1)):
        for command in ("run", "submit", "estimate", "evaluate", "classify"):
            data = {"run": "--data", "submit": "--data", "evaluate": "--clean"}.get(command)
            line = [command, model, *([data, given[1]] if data else ["picture.png"] if command == "classify" else [])]
            assert run_command(line) == code, line
            assert capsys.readouterr().err.splitlines()[-1].startswith("cleanse: ")
    assert list(temporary.iterdir()) == []


def test_one_address_that_is_gone_keeps_no_other_from_its_turn(
    given: tuple[str, str], server: Web, stored: Stored, make_result: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(make_result())
    gone = f"{server.url}/gone.keras"
    assert run_command(["submit", gone, given[0], "--data", given[1], "--wait"]) == 2
    told = capsys.readouterr()
    assert f"cleanse: {gone}: {gone} does not exist" in told.err
    assert "traffic_signs.h5: CLEAN" in told.out


def test_a_server_is_sent_the_file_and_never_told_the_address(
    url: str, given: tuple[str, str], temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a server that asks no address
    with CleanseClient(url) as client:
        submission = client.submit(given[0], data=given[1])
    assert submission["model"] == {"sha256": sha256(b"model").hexdigest(), "name": "traffic_signs.h5"}
    # Then it is the same from the command line, and data are registered so, too
    assert run_command(["submit", given[0], "--data", given[1], "--server", url, "--json"]) == 0
    (again,) = json.loads(capsys.readouterr().out)
    assert again["id"] == submission["id"]
    assert given[0] not in json.dumps(again)
    assert run_command(["dataset", "add", given[1], "--server", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "clean.npz"
    assert list(temporary.iterdir()) == []
