"""`cleanse report`, `attest`, `verify` and `download`: the files of a submission."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from sqlalchemy import update

from api.cli.main import run_command
from nc_tasks.settings import Settings
from nc_tasks.store import Submission, open_store
from tests.api.cli.conftest import printed

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
Files = tuple[Path, Path]

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize(("options", "name"), [("", "report.html"), ("--format sarif", "result.sarif")])
def test_a_report_is_written_under_its_own_name_or_another(
    stored: Stored, make_result: Make, tmp_path: Path, options: str, name: str
) -> None:
    identity = stored(make_result(infected={33: 8.2}))
    line = ["report", identity, *options.split()]
    assert run_command(line) == 0
    assert "33" in (tmp_path / name).read_text()
    assert run_command([*line, "--out", "other"]) == 0
    assert (tmp_path / "other").read_bytes() == (tmp_path / name).read_bytes()


def test_an_attestation_is_verified_and_says_the_verdict_with_its_exit_code(
    stored: Stored,
    make_result: Make,
    settings: Settings,
    files: Files,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Given the attestation of a backdoored model
    identity = stored(make_result(infected={33: 8.2}))
    assert run_command(["attest", identity]) == 0
    line = ["verify", "attestation.json", "--key", str(settings.keys / "attestation.pub.pem")]
    # When it is verified, then with the verdict's exit code
    capsys.readouterr()
    assert run_command([*line, "--model", str(files[0])]) == 3
    assert "The signature is good. BACKDOORED" in capsys.readouterr().out
    assert run_command([*line, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["predicate"]["flagged_labels"] == [33]
    # and another model, or a changed verdict, is refused
    files[0].write_bytes(b"another model")
    assert run_command([*line, "--model", str(files[0])]) == 2
    assert "another file" in capsys.readouterr().err
    path = tmp_path / "attestation.json"
    path.write_text(path.read_text().replace('"payload": "', '"payload": "AAAA'))
    assert run_command(line) == 2


def test_an_attestation_is_about_the_submitted_file_and_the_scanned_net_and_says_which_a_model_is(
    stored: Stored, make_result: Make, settings: Settings, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given the attestation and the files of a clean model
    identity = stored(make_result())
    assert run_command(["attest", identity]) == 0
    assert run_command(["download", identity, "scanned.keras", "--out", "."]) == 0
    line = ["verify", "attestation.json", "--key", str(settings.keys / "attestation.pub.pem")]
    capsys.readouterr()
    # When it is held against either, then it says which of the two that is, and which one the verdict is about
    for model, said in (
        ("scanned.keras", "scanned.keras is scanned.keras, the net that was scanned: the verdict is about this file."),
        (str(files[0]), "is the file that was submitted, which is not what ran"),
    ):
        assert run_command([*line, "--model", model]) == 0
        shown = capsys.readouterr().out
        assert said in shown
        assert "Deploy scanned.keras, not the submitted file" in shown
        # and a program reads the statement alone
        assert run_command([*line, "--model", model, "--json"]) == 0
        told = capsys.readouterr()
        assert [subject["name"] for subject in json.loads(told.out)["subject"]] == ["traffic_signs.h5", "scanned.keras"]
        assert said in told.err


def of_an_earlier_version(settings: Settings, identity: str) -> None:
    """Its row as it was before scanned.keras was kept."""
    with closing(open_store(settings)) as store, store.write() as session:
        session.execute(update(Submission).where(Submission.id == identity).values(scanned_sha256=None))


def test_a_scan_of_a_version_that_kept_no_scanned_net_says_so_everywhere(
    stored: Stored,
    make_result: Make,
    settings: Settings,
    files: Files,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Given
    identity = stored(make_result())
    of_an_earlier_version(settings, identity)
    said = "This scan has no scanned.keras: it was made by a version that did not keep it."
    # When it is shown, then the verdict is about no file at hand, and what to do about it stands there
    assert run_command(["show", identity]) == 0
    shown = capsys.readouterr().out
    assert said in shown
    assert f"`cleanse retry {identity}` makes scanned.keras" in shown
    assert printed(capsys, f"show {identity}")["model"]["scanned_sha256"] is None
    # and its other files are there
    assert run_command(["download", identity, "--out", "files"]) == 0
    assert {path.name for path in (tmp_path / "files").iterdir()} == {"result.json", "report.html", "triggers.npz"}
    assert said in (tmp_path / "files" / "report.html").read_text()
    assert run_command(["download", identity, "scanned.keras"]) == 2
    assert "`cleanse retry" in capsys.readouterr().err
    # and its attestation is about the submitted file alone
    assert run_command(["attest", identity]) == 0
    line = ["verify", "attestation.json", "--key", str(settings.keys / "attestation.pub.pem")]
    capsys.readouterr()
    assert run_command([*line, "--model", str(files[0])]) == 0
    assert "scanned.keras, which this attestation does not name" in capsys.readouterr().out


def test_a_download_leaves_what_run_leaves_or_what_is_named(
    stored: Stored, make_result: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = stored(make_result(infected={33: 8.2}))
    assert run_command(["download", identity]) == 0
    folder = tmp_path / "traffic_signs-cleanse"
    made = {"result.json", "report.html", "triggers.npz", "scanned.keras", "goodnet.keras", "guarded.keras"}
    assert {path.name for path in folder.iterdir()} == made
    assert (folder / "goodnet.keras").read_bytes() == b"goodnet"
    assert np.load(folder / "triggers.npz")["mask"].shape == (43, 32, 32)
    written = printed(capsys, f"download {identity} result.sarif --out few") if capsys.readouterr() else None
    assert written == ["few/result.sarif"]
    assert run_command(["download", identity, "goodnet.onnx", "--out", "few"]) == 0
    assert onnx.load(tmp_path / "few" / "goodnet.onnx").graph.input[0].name == "pixel_values"
    assert run_command(["download", identity, "--format", "onnx"]) == 0
    assert {path.name for path in folder.iterdir()} == made | {"scanned.onnx", "goodnet.onnx", "guarded.onnx"}
    assert run_command(["download", identity, "--format", "tflite"]) == 64
    assert run_command(["download", identity, "secrets.txt"]) == 64
