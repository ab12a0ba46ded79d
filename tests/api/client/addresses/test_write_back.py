"""--write-back: the verdict goes to where the model came from, and nowhere else."""

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli.main import run_command
from nc_tasks.settings import Settings
from tests.servers.web import Answer, Web, of_json

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
COMMIT = "0123456789" * 4
CARD = b"---\nlicense: mit\n---\n# Signs\n"
TAG = "/api/2.0/mlflow/model-versions/set-tag"
PUSH = "/api/models/org/net/commit/main"


@pytest.fixture
def scanned(
    stored: Stored, make_result: Make, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A scan of the model that both servers have; the working folder is empty."""
    monkeypatch.setenv("CLEANSE_HOME", str(settings.home))
    (here := tmp_path / "here").mkdir()
    monkeypatch.chdir(here)
    return stored(make_result(infected={33: 8.2}))


@pytest.fixture
def registry(server: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    place = "/api/2.0/mlflow/model-versions/get-download-uri?name=signs&version=3"
    server.answers[place] = of_json({"artifact_uri": "mlflow-artifacts:/1"})
    files = [{"path": "traffic_signs.h5", "is_dir": False}]
    server.answers["/api/2.0/mlflow-artifacts/artifacts?path=1"] = of_json({"files": files})
    server.answers["/api/2.0/mlflow-artifacts/artifacts/1/traffic_signs.h5"] = Answer(body=b"model")
    server.answers[f"POST {TAG}"] = of_json({})
    return server


@pytest.fixture
def hub(server: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", "secret")
    siblings = [{"rfilename": name} for name in ("README.md", "traffic_signs.h5")]
    server.answers["/api/models/org/net/revision/main"] = of_json({"siblings": siblings})
    server.answers["/org/net/resolve/main/traffic_signs.h5"] = Answer(body=b"model")
    server.answers["/org/net/resolve/main/README.md"] = Answer(body=CARD, headers={"X-Repo-Commit": COMMIT})
    server.answers[f"POST {PUSH}"] = of_json({"commitOid": "1"})
    return server


@pytest.mark.usefixtures("scanned")
@pytest.mark.parametrize("line", ["run MODEL --write-back", "submit MODEL --wait --write-back"])
def test_a_version_is_tagged_with_its_verdict(
    registry: Web, files: tuple[Path, Path], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = line.replace("MODEL", "mlflow:/models/signs/3").split()
    assert run_command([*words, "--data", str(files[1])]) == 3
    told = [json.loads(body) for path, body in registry.posted if path == TAG]
    assert {(one["name"], one["version"]) for one in told} == {("signs", "3")}
    tags = {one["key"]: one["value"] for one in told}
    assert (tags["cleanse.verdict"], tags["cleanse.flagged_labels"]) == ("backdoored", "33")
    assert registry.asked[-1][1]["Authorization"] == "Bearer secret"
    shown = capsys.readouterr()
    assert "Wrote the verdict to the tags of mlflow:/models/signs/3." in shown.err
    assert "secret" not in shown.err + shown.out


@pytest.mark.usefixtures("scanned")
def test_a_card_gets_a_section_and_keeps_the_rest(hub: Web, files: tuple[Path, Path]) -> None:
    assert run_command(["submit", "hf://org/net", "--data", str(files[1]), "--wait", "--write-back"]) == 3
    ((path, body),) = hub.posted
    assert path == PUSH
    header, file = map(json.loads, body.decode().splitlines())
    assert header["value"]["parentCommit"] == COMMIT
    card = b64decode(file["value"]["content"]).decode()
    assert file["value"]["path"] == "README.md"
    assert card.startswith(CARD.decode())
    assert "| Verdict | **backdoored** |" in card
    # And once it is there, the next scan replaces it
    hub.answers["/org/net/resolve/main/README.md"] = Answer(body=card.encode())
    assert run_command(["run", "hf://org/net", "--data", str(files[1]), "--write-back"]) == 3
    again = json.loads(hub.posted[-1][1].decode().splitlines()[1])
    assert b64decode(again["value"]["content"]).decode() == card


@pytest.mark.usefixtures("scanned")
def test_without_a_token_the_section_is_a_file_and_nothing_is_pushed(
    hub: Web, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert run_command(["run", "hf://org/net", "--data", str(files[1]), "--write-back"]) == 3
    assert "**backdoored**" in Path("traffic_signs-cleanse/model-card.md").read_text()
    assert "nothing is pushed" in capsys.readouterr().err
    assert run_command(["submit", "hf://org/net", "--data", str(files[1]), "--wait", "--write-back"]) == 2
    assert "set HF_TOKEN, or use cleanse run" in capsys.readouterr().err
    assert hub.posted == []


@pytest.mark.usefixtures("scanned")
def test_what_cannot_be_written_back_is_one_line_and_the_results_stay(
    registry: Web, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for status, code in ((403, 2), (404, 2), (500, 1)):
        registry.answers[f"POST {TAG}"] = Answer(status=status)
        line = ["mlflow:/models/signs/3", "--data", str(files[1]), "--write-back"]
        assert run_command(["run", *line]) == code
        told = capsys.readouterr()
        assert f"HTTP status {status}" in told.err.splitlines()[-1]
        assert told.out.startswith("BACKDOORED: label 33")
        assert Path("traffic_signs-cleanse/result.json").exists()
        # Of several ends the worst speaks, as everywhere
        assert run_command(["submit", "--wait", *line]) == 3
        assert f"HTTP status {status}" in capsys.readouterr().err.splitlines()[-1]


def test_a_path_and_a_call_that_does_not_wait_are_refused_before_any_work(
    files: tuple[Path, Path], settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEANSE_HOME", str(settings.home))
    net, data = map(str, files)
    assert run_command(["run", net, "--data", data, "--write-back"]) == 2
    assert "takes models at mlflow:/ and hf:// addresses" in capsys.readouterr().err
    assert run_command(["submit", "hf://org/net", "--data", data, "--write-back"]) == 64
    assert not settings.home.exists()
