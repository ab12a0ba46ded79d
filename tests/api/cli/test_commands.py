"""The commands that print, write and gate, on a store with submissions whose ends are known."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from api.backends import stack
from api.cli import submit
from api.cli.exits import ExitCode
from api.cli.main import run_command
from api.results.numbers import probability
from nc_core.errors import ModelRefused
from nc_tasks.settings import Settings
from nc_tasks.store import Submission, open_store
from nc_tasks.store.rows import submissions

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
Files = tuple[Path, Path]


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANSE_HOME", str(settings.home))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def without_workers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No processes are started; the ids of published start tasks are collected."""
    published: list[str] = []

    @contextmanager
    def attached(*_: object, **__: object) -> Iterator[None]:
        yield None

    monkeypatch.setattr(stack, "working_stack", attached)
    monkeypatch.setattr(stack, "keep_up", lambda _: None)
    monkeypatch.setattr("nc_tasks.messages.app.publish_start", lambda identity, **_: published.append(identity))
    monkeypatch.setattr("nc_tasks.messages.app.make_app", lambda _: None)
    return published


def printed(capsys: pytest.CaptureFixture[str], line: str) -> Any:
    """What the command prints with --json."""
    assert run_command([*line.split(), "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_labels_are_listed_and_filtered(stored: Stored, make_result: Make, capsys: pytest.CaptureFixture[str]) -> None:
    identity = stored(make_result(infected={33: 8.2}, unfinished=2))
    assert [row["label"] for row in printed(capsys, f"labels {identity}")] == list(range(43))
    assert [row["label"] for row in printed(capsys, f"labels {identity} --state not_converged")] == [0, 1]
    assert run_command(["labels", identity[:6]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 43
    assert lines[1].split()[:3] == ["33", "done", "8.20"]


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
    assert run_command(["download", identity, "secrets.txt"]) == 64


def test_a_repair_that_is_running_is_told_with_what_is_shown_and_written(
    stored: Stored, make_result: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = stored(make_result(infected={33: 8.2}), until="detection")
    assert run_command(["show", identity]) == 0
    shown = capsys.readouterr().out
    assert "the repair is running (unlearning)" in shown
    assert "fail" not in shown
    assert run_command(["download", identity, "--out", "files"]) == 0
    assert "is running: these files are as of now" in capsys.readouterr().err
    there = {"result.json", "report.html", "triggers.npz", "scanned.keras"}
    assert {path.name for path in (tmp_path / "files").iterdir()} == there


def test_what_is_not_there_is_refused_in_one_line(
    stored: Stored, make_result: Make, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    running = stored(make_result(), until="prepared")
    files[0].write_bytes(b"another model")
    clean = stored(make_result())
    for line, said in (
        (f"download {running}", "has no verdict"),
        (f"report {running}", "has no verdict"),
        (f"download {clean} goodnet.keras --out x", "no repair was made"),
        ("labels zzz", "no submission's id begins"),
        ("compare zzz zzz", "no submission's id begins"),
        ("dataset remove zzz", "no data set has the id or name 'zzz'"),
        ("submit MODEL --dataset zzz", "no data set has the id or name 'zzz'"),
    ):
        assert run_command(line.replace("MODEL", str(files[0])).split()) == 2
        (complaint,) = capsys.readouterr().err.splitlines()
        assert said in complaint


def test_two_versions_are_compared(
    stored: Stored, make_result: Make, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a model and its next version, which has a backdoor
    left = stored(make_result())
    files[0].write_bytes(b"another model")
    right = stored(make_result(infected={33: 4.2}))
    found = printed(capsys, f"compare {left} {right}")
    assert (found["newly_flagged"], found["drifted"]) == ([33], [33])
    assert run_command(["compare", left[:6], right[:6]]) == 0
    shown = capsys.readouterr().out
    assert "newly flagged: 33" in shown
    # with a probability as the result has it, which hundredths would make 0 of
    flagged = [found[side]["p_value"] for side in ("left", "right")]
    assert ["p-value", *map(probability, flagged)] in [re.split(r"\s{2,}", line.strip()) for line in shown.splitlines()]
    assert flagged[1] < 0.005
    assert "1 label has moved" in shown
    assert run_command(["compare", left, left]) == 0
    assert "no label has drifted" in capsys.readouterr().out


def test_data_is_registered_once_and_models_are_submitted_against_it(
    files: Files, without_workers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given registered data
    assert run_command(["dataset", "add", str(files[1]), "--name", "signs"]) == 0
    identity = capsys.readouterr().out.strip()
    assert printed(capsys, f"dataset add {files[1]} --name signs")["id"] == identity
    (one,) = printed(capsys, "dataset list")
    assert (one["id"], one["name"], one["bytes"]) == (identity, "signs", 4)
    # When a folder of models is submitted against it, by name and by id
    for number in range(3):
        (tmp_path / f"m{number}.keras").write_bytes(b"model %d" % number)
    submitted = printed(capsys, f"submit {tmp_path} --dataset signs --labels 0-3 --budget-minutes 5")
    # Then each is a submission of its own with the options, and workers are told of each
    assert [one["model"]["name"] for one in submitted] == ["m0.keras", "m1.keras", "m2.keras", "traffic_signs.h5"]
    assert {one["data"]["name"] for one in submitted} == {"clean.npz"}
    assert submitted[0]["options"]["labels"] == "0-3"
    assert submitted[0]["options"]["budget_minutes"] == 5
    assert without_workers == [one["id"] for one in submitted]
    # and the same again is the same
    again = printed(capsys, f"submit {tmp_path / 'm0.keras'} --dataset {identity} --labels 0-3 --budget-minutes 5")
    assert [one["id"] for one in again] == [submitted[0]["id"]]
    assert run_command(["dataset", "remove", "signs"]) == 0
    assert capsys.readouterr().err
    assert printed(capsys, "dataset list") == []


@pytest.mark.parametrize("line", ["submit MODEL", "submit MODEL --data DATA --dataset x", "submit --data DATA"])
def test_a_submit_without_one_set_of_data_is_a_usage_error(line: str, files: Files) -> None:
    assert run_command(line.replace("MODEL", str(files[0])).replace("DATA", str(files[1])).split()) == 64


@pytest.mark.parametrize(("how", "code"), [({}, 0), ({"infected": {33: 8.2}}, 3), ({"unfinished": 11}, 4)])
def test_waiting_says_the_verdict_with_the_exit_code_of_run(
    stored: Stored,
    make_result: Make,
    files: Files,
    capsys: pytest.CaptureFixture[str],
    how: dict[str, Any],
    code: int,
) -> None:
    identity = stored(make_result(**how))
    model, data = map(str, files)
    assert run_command(["submit", model, "--data", data, "--wait"]) == code
    assert identity in capsys.readouterr().out
    assert run_command(["submit", model, "--data", data]) == 0
    assert run_command(["watch", identity]) == code
    capsys.readouterr()
    assert run_command(["watch", identity, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["state"] == "done"


@pytest.mark.parametrize(
    ("state", "code"), [("refused", ExitCode.REFUSED), ("failed", ExitCode.FAILED), ("cancelled", ExitCode.FAILED)]
)
def test_an_end_without_a_verdict_has_its_exit_code_and_reason(
    stored: Stored,
    make_result: Make,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    state: str,
    code: ExitCode,
) -> None:
    identity = stored(make_result(), until="prepared")
    store = open_store(settings)
    with store.write() as session:
        row = submissions.get(session, submission_id=identity)
        row.state, row.reason = state, "no\x1b[2J reason"
    store.close()
    assert run_command(["watch", identity]) == code
    told = capsys.readouterr().out
    assert state.upper() in told
    assert "\x1b" not in told


def test_given_one_cancelled_while_it_is_repaired_then_line_and_exit_code_say_its_verdict(
    stored: Stored, make_result: Make, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = stored(make_result(infected={33: 8.2}), until="detection")
    with closing(open_store(settings)) as store, store.write() as session:
        submissions.cancel(session, submission_id=identity)
    assert run_command(["watch", identity]) == ExitCode.BACKDOORED
    assert "BACKDOORED (cancelled before a repair was kept)" in capsys.readouterr().out


def test_of_several_models_the_worst_speaks() -> None:
    assert submit.worst([ExitCode.CLEAN, ExitCode.INCONCLUSIVE]) == ExitCode.INCONCLUSIVE
    assert submit.worst([ExitCode.INCONCLUSIVE, ExitCode.REFUSED, ExitCode.CLEAN]) == ExitCode.REFUSED
    assert submit.worst([ExitCode.REFUSED, ExitCode.FAILED]) == ExitCode.FAILED
    assert submit.worst([ExitCode.FAILED, ExitCode.BACKDOORED, ExitCode.REFUSED]) == ExitCode.BACKDOORED


def test_one_refused_model_keeps_no_other_from_its_turn(
    stored: Stored, make_result: Make, files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = stored(make_result())
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "x.keras").mkdir()
    model, data = map(str, files)
    assert run_command(["submit", str(tmp_path / "saved" / "gone.h5"), model, "--data", data, "--wait"]) == 2
    told = capsys.readouterr()
    assert "gone.h5 does not exist" in told.err
    assert f"{identity}  traffic_signs.h5: CLEAN" in told.out
    assert f"the verdict is about scanned.keras, sha256 {sha256(b'scanned').hexdigest()}" in told.out


def test_a_folder_without_models_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ModelRefused, match="holds no model"):
        submit.models_in([tmp_path])


def test_an_estimate_is_printed_for_people_and_programs(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = shared / "models" / "oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5"
    found = printed(capsys, f"estimate {model} --workers 2 --labels 0-9")
    assert (found["labels"], found["classes"], found["workers"], found["scans"]) == (10, 43, 2, 0)
    assert run_command(["estimate", str(model)]) == 0
    assert "labels  43" in capsys.readouterr().out
