"""The command line: what it accepts, what it says no to, and the exit codes of the contract."""

import subprocess
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import get_args

import pytest

from api.cli import listing, run, submit
from api.cli.main import run_command
from nc_tasks.request.choices import Detector, Method
from nc_tasks.request.options import ScanOptions, scan_options
from nc_tasks.store.tables.states import SubmissionState, Verdict

Files = tuple[Path, Path]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANSE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "unknown",
        "run",
        "run model.h5",
        "run MODEL --data DATA --profile slow",
        "run MODEL --data DATA --value-range 0..7",
        "run MODEL --data DATA --labels 9-3",
        "run MODEL --data DATA --labels 1,x",
        "run MODEL --data DATA --mitigate magic",
        "run MODEL --data DATA --false-positive-rate 0",
        "run MODEL --data DATA --false-positive-rate 1",
        "run MODEL --data DATA --seed -1",
        "run MODEL --data DATA --slots 0",
        "run MODEL --data DATA --workers many",
        "run MODEL --data DATA --no-such-option",
        "list --state finished",
        "plant signs --target 3 --out x --colour 256",
        "plant signs --target 3 --out x --colour red",
        "plant signs --out x",
        "classify model.h5",
    ],
)
def test_a_usage_error_is_64_and_changes_nothing(
    line: str, files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = line.replace("MODEL", str(files[0])).replace("DATA", str(files[1])).split()
    assert run_command(arguments) == 64
    printed = capsys.readouterr()
    assert "Usage: cleanse" in printed.err
    assert "Traceback" not in printed.err
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in files}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run nowhere.h5 --data DATA", "nowhere.h5 does not exist"),
        ("run MODEL --data nowhere.npz", "nowhere.npz does not exist"),
        ("run MODEL --data DATA --poisoned nowhere.npz", "nowhere.npz does not exist"),
        ("run saved --data DATA", "a TensorFlow SavedModel without keras_metadata.pb"),
        ("run MODEL --data DATA --out DATA", "--out DATA cannot be made"),
        ("classify nowhere.h5 DATA", "nowhere.h5 does not exist"),
        ("classify MODEL nowhere.png", "nowhere.png does not exist"),
        ("plant nowhere.npz --target 3 --out x", "nowhere.npz does not exist"),
        ("show abc", "no submission's id begins with 'abc'"),
    ],
)
def test_a_refused_input_is_2_with_one_line(
    line: str, said: str, files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").touch()

    def filled(text: str) -> str:
        return text.replace("MODEL", str(files[0])).replace("DATA", str(files[1]))

    assert run_command(filled(line).split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (complaint,) = printed.err.splitlines()
    assert complaint.startswith("cleanse: ")
    assert filled(said) in complaint


def test_a_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str], files: Files) -> None:
    assert run_command(["run", "evil\x1b[2J\nname.h5", "--data", str(files[1])]) == 2
    (complaint,) = capsys.readouterr().err.splitlines()
    assert "\x1b" not in complaint


def test_an_operating_system_error_is_1_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert run_command(["list", "--home", str(tmp_path / "file" / "home")]) == 1
    (complaint,) = capsys.readouterr().err.splitlines()
    assert f"Not a directory: {tmp_path / 'file'}" in complaint


def test_version_and_help_are_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--version"]) == 0
    assert capsys.readouterr().out.startswith("cleanse ")
    assert run_command(["run", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in ("--data", "--poisoned", "--value-range", "--labels", "--force"))


@pytest.mark.parametrize("command", ["run", "submit"])
def test_help_names_the_detectors_and_the_repairs(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([command, "--help"]) == 0
    shown = capsys.readouterr().out.split()
    assert all(any(name in word for word in shown) for name in (*get_args(Detector), *get_args(Method)))


def test_a_value_range_may_begin_with_a_dash(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    # Given a range that looks like an option, when the line is read, then only the data is wrong with it
    assert run_command(["run", str(files[0]), "--value-range", "-1..1", "--data", "nowhere.npz"]) == 2
    assert "nowhere.npz does not exist" in capsys.readouterr().err


def test_the_choices_are_those_of_the_service() -> None:
    assert get_args(listing.State) == get_args(SubmissionState)
    assert get_args(listing.Verdict) == get_args(Verdict)


@pytest.mark.parametrize("command", [run.run, submit.submit])
def test_a_command_has_every_option_that_a_user_chooses_with_its_default(command: Callable[..., None]) -> None:
    given = {name: each.default for name, each in signature(command).parameters.items()}
    # The chance of a false alarm is fixed there, and only a scan that others are held against is one of a twin.
    taken = {name: given[name] for name in ScanOptions.model_fields if name not in ("alpha", "twin")}
    assert scan_options(**taken) == ScanOptions()


def test_no_command_loads_tensorflow_and_help_loads_little() -> None:
    root = Path(__file__).parents[3]

    def ends_well(code: str) -> bool:
        return subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0

    # Given a fresh interpreter, when every module of api is imported, then TensorFlow and Keras are not there
    assert ends_well(
        "import pkgutil, sys, importlib, api, nc_tasks.messages.app\n"
        "for found in pkgutil.walk_packages(api.__path__, 'api.'): importlib.import_module(found.name)\n"
        "sys.exit(any(name.split('.')[0] in ('tensorflow', 'keras') for name in sys.modules))"
    )
    # and the command line alone has not even loaded what takes a tenth of a second
    slow = {"numpy", "sqlalchemy", "pydantic", "celery", "httpx", "fastapi", "rich"}
    assert ends_well(f"import sys, api.cli.main; sys.exit(bool({slow} & set(sys.modules)))")
