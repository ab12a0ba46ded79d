"""`cleanse submit` and `cleanse watch`: models on their way, and the exit code at their end."""

import json
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from api.cli import submit
from api.cli.exits import ExitCode
from api.cli.main import run_command
from nc_core.errors import ModelRefused
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.rows import batches, submissions
from tests.api.cli.conftest import printed

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
Files = tuple[Path, Path]

pytestmark = pytest.mark.usefixtures("home")


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


def test_names_of_classes_come_from_a_file(
    files: Files, without_workers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "names.json").write_text('{"stop": 1, "give way": 0}')
    line = f"submit {files[0]} --data {files[1]} --channels rgb --output scores --input-shape 32x32x3 --class-names"
    (one,) = printed(capsys, f"{line} {tmp_path / 'names.json'}")
    assert without_workers == [one["id"]]
    assert (one["options"]["channels"], one["options"]["class_names"]) == ("rgb", ["give way", "stop"])
    assert (one["options"]["output"], one["options"]["input_shape"]) == ("scores", "32x32x3")
    # And a file that holds none is refused in a line, before anything is handed in
    (tmp_path / "names.json").write_text("[1, 2]")
    assert run_command([*line.split(), str(tmp_path / "names.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


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


def test_the_findings_of_those_that_have_a_verdict_are_one_log(
    stored: Stored, make_result: Make, files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(make_result(infected={33: 8.2}))
    model, data = map(str, files)
    line = ["submit", str(tmp_path / "gone.h5"), model, "--data", data, "--sarif", str(tmp_path / "found.sarif")]
    # Given no verdict is waited for, then there are no findings to write
    assert run_command(line) == 64
    # When one of two is refused
    assert run_command([*line, "--wait"]) == 3
    # Then the log is about the other
    (run,) = json.loads((tmp_path / "found.sarif").read_text())["runs"]
    assert [finding["properties"]["label"] for finding in run["results"]] == [33]
    capsys.readouterr()


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


def test_several_models_are_a_batch_and_one_that_is_refused_is_counted(
    files: Files, without_workers: list[str], settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given two models, and one that is none
    (tmp_path / "m0.keras").write_bytes(b"model 0")
    line = ["submit", str(tmp_path / "m0.keras"), str(tmp_path / "gone.keras"), str(files[0]), "--data", str(files[1])]
    # When they are submitted, then the others are taken, and the exit code is that of the refused one
    assert run_command([*line, "--json"]) == 2
    told = capsys.readouterr()
    made = json.loads(told.out)
    assert [one["id"] for one in made] == without_workers
    assert "gone.keras does not exist" in told.err
    assert told.err.splitlines()[-1] == "3 models: 2 queued, 1 not taken"
    # And they are one batch, which the pages show
    (batch,) = {one["batch"] for one in made}
    assert f"/batches/{batch}" in told.err
    with closing(open_store(settings)) as store, store.read() as session:
        assert batches.members(session, batch_id=batch) == sorted(without_workers)
    # And the same again is the same batch, while one model alone is none
    again = printed(capsys, f"submit {tmp_path / 'm0.keras'} {files[0]} --data {files[1]}")
    assert {one["batch"] for one in again} == {batch}
    (alone,) = printed(capsys, f"submit {files[0]} --data {files[1]}")
    assert "batch" not in alone


def test_more_than_a_batch_takes_are_several(
    files: Files,
    without_workers: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(batches, "MOST", 2)
    for number in range(3):
        (tmp_path / f"m{number}.keras").write_bytes(b"model %d" % number)
    made = printed(capsys, f"submit {tmp_path}/m0.keras {tmp_path}/m1.keras {tmp_path}/m2.keras --data {files[1]}")
    assert [made[0]["batch"] == one["batch"] for one in made] == [True, True, False]
    assert len(without_workers) == 3


@pytest.mark.parametrize("command", ["run", "submit"])
def test_known_poison_that_is_not_there_is_refused_before_anything_is_kept(
    command: str, files: Files, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    model, data = map(str, files)
    assert run_command([command, model, "--data", data, "--poisoned", "gone.npz"]) == 2
    assert "data gone.npz does not exist" in capsys.readouterr().err
    digest = sha256(b"model").hexdigest()
    assert not (settings.artefacts / digest[:2] / digest[2:]).exists()


def test_a_folder_without_models_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ModelRefused, match="holds no model"):
        submit.models_in([tmp_path])


def test_a_saved_model_in_a_folder_is_one_model(tmp_path: Path) -> None:
    for name in ("a/saved_model.pb", "a/variables/variables.index", "b.keras"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert submit.models_in([tmp_path]) == [tmp_path / "a", tmp_path / "b.keras"]
    assert submit.models_in([tmp_path / "a"]) == [tmp_path / "a"]
