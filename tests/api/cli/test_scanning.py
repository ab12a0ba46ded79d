"""`run`, `show` and `list` on submissions that workers have ended: what is printed, written and returned."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import pytest

from api.backends import local, stack
from api.cli.main import run_command
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.rows import submissions

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
Files = tuple[Path, Path]


@pytest.fixture
def arguments(settings: Settings, files: Files, tmp_path: Path) -> list[str]:
    model, data = map(str, files)
    return ["run", model, "--data", data, "--home", str(settings.home), "--out", str(tmp_path / "out")]


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ({}, 0, "CLEAN: no backdoor found"),
        ({"infected": {33: 8.2}}, 3, "BACKDOORED: label 33"),
        ({"unfinished": 11}, 4, "INCONCLUSIVE"),
    ],
)
def test_the_exit_code_says_the_verdict(
    stored: Stored,
    make_result: Make,
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    how: dict[str, Any],
    code: int,
    said: str,
) -> None:
    result = make_result(**how)
    stored(result)
    assert run_command(arguments) == code
    printed = capsys.readouterr().out
    assert printed.startswith(said)
    assert str(tmp_path / "out" / "report.html") in printed
    assert all(attack in printed for attack in result["not_covered"]) == (code == 0)


def test_with_format_onnx_the_nets_are_written_as_onnx_too(
    stored: Stored, make_result: Make, arguments: list[str], tmp_path: Path
) -> None:
    stored(make_result(infected={33: 8.2}))
    assert run_command([*arguments, "--format", "onnx"]) == 3
    for name in ("scanned", "goodnet", "guarded"):
        net = onnx.load(tmp_path / "out" / f"{name}.onnx")
        assert net.graph.input[0].name == "pixel_values"
        assert (tmp_path / "out" / f"{name}.keras").exists()
    # Without it the folder has none
    assert run_command(arguments) == 3
    assert not list((tmp_path / "out").glob("*.onnx"))


def test_a_backdoored_model_s_summary_has_norm_index_rates_and_the_caution(
    stored: Stored, make_result: Make, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    stored(make_result(infected={33: 8.2}))
    run_command(arguments)
    printed = capsys.readouterr().out
    assert "label 33: norm 8.20 (0.8% of the pixels; middle of 8.20, 10.2 and 6.56), anomaly index" in printed
    assert "repaired by unlearning: accuracy 95.5% -> 97.4%" in printed
    assert "attack success rate of label 33's reversed trigger 99.8% -> 0.4%" in printed
    assert "true trigger's rate after the repair is unknown" in printed


@pytest.mark.parametrize(("state", "code"), [("refused", 2), ("failed", 1)])
def test_a_submission_that_ends_without_a_verdict_says_why_in_one_line(
    stored: Stored,
    make_result: Make,
    arguments: list[str],
    without_workers: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    state: str,
    code: int,
) -> None:
    # Given a submission under way that its worker ends while `run` watches
    identity = stored(make_result(), until="prepared")
    real = local.watch

    def watch(store: Any, submission_id: str) -> Iterator[Any]:
        with store.write() as session:
            row = submissions.get(session, submission_id=submission_id)
            row.state, row.reason = state, "clean accuracy is 0.031,\nexpected at least 0.5"
        yield from real(store, submission_id)

    monkeypatch.setattr(local, "watch", watch)
    # when the same files are run
    assert run_command(arguments) == code
    # then the running submission was carried on, and its reason is the last line
    assert without_workers == [identity]
    assert capsys.readouterr().err.splitlines()[-1] == "cleanse: clean accuracy is 0.031, expected at least 0.5"
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.usefixtures("without_workers")
def test_a_submission_that_is_cancelled_while_it_is_repaired_still_has_its_verdict(
    stored: Stored,
    make_result: Make,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    # Given one that somebody cancels while `run` watches its repair
    stored(make_result(infected={33: 8.2}), until="detection")
    real = local.watch

    def watch(store: Any, submission_id: str) -> Iterator[Any]:
        with store.write() as session:
            submissions.cancel(session, submission_id=submission_id)
        yield from real(store, submission_id)

    monkeypatch.setattr(local, "watch", watch)
    # Then the verdict is what the command says and writes
    assert run_command(arguments) == 3
    told = capsys.readouterr()
    assert "BACKDOORED: label 33" in told.out
    assert "cancelled before a repair was kept" in told.err
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert (result["verdict"], result["mitigation"]["method"]) == ("backdoored", None)
    assert result["mitigation"]["failed"] == [{"method": "unlearning", "reason": "the submission was cancelled"}]
    assert not (tmp_path / "out" / "goodnet.keras").exists()


def test_control_c_says_how_to_carry_on_and_is_130(
    stored: Stored,
    make_result: Make,
    arguments: list[str],
    without_workers: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    identity = stored(make_result(), until="prepared")

    monkeypatch.setattr(local, "watch", _interrupted)
    assert run_command(arguments) == 130
    assert without_workers == [identity]
    assert "the same command carries on" in capsys.readouterr().err


@pytest.mark.parametrize(("line", "ends"), [(["run"], True), (["submit", "--wait"], False)])
@pytest.mark.usefixtures("without_workers")
def test_control_c_ends_the_workers_of_run_and_leaves_those_of_submit(
    stored: Stored,
    make_result: Make,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    line: list[str],
    ends: bool,
) -> None:
    stored(make_result(), until="prepared")
    left: list[bool] = []

    @contextmanager
    def attached(*_: object, **__: object) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            left.append(True)
            raise
        left.append(False)

    monkeypatch.setattr(stack, "working_stack", attached)
    monkeypatch.setattr(local, "watch", _interrupted)
    common = arguments[1 : arguments.index("--out")]
    assert run_command([*line, *common]) == 130
    assert left == [ends]


def test_retry_has_the_workers_try_again(
    settings: Settings,
    stored: Stored,
    make_result: Make,
    without_workers: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    # Given a submission that was cancelled
    identity = stored(make_result(), until="prepared")
    home = ["--home", str(settings.home), "--out", str(tmp_path / "out")]
    assert run_command(["cancel", identity, *home[:2]]) == 0
    # When it is retried, and stopped, and retried
    monkeypatch.setattr(local, "watch", _interrupted)
    assert run_command(["retry", identity[:6], *home]) == 130
    assert "43 labels and repairs are tried again" in capsys.readouterr().err
    assert run_command(["retry", identity, *home]) == 130
    # Then workers were told of it each time, and it was queued once
    assert without_workers == [identity, identity]
    assert "tried again" not in capsys.readouterr().err


def test_the_default_folder_is_named_after_the_model(
    stored: Stored,
    make_result: Make,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored(make_result())
    monkeypatch.chdir(tmp_path)
    assert run_command(arguments[: arguments.index("--out")]) == 0
    assert (tmp_path / "traffic_signs-cleanse" / "result.json").is_file()


def test_the_findings_are_written_as_sarif_where_the_model_lies(
    stored: Stored, make_result: Make, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a project in which a model lies
    stored(make_result(infected={33: 8.2}))
    monkeypatch.chdir(tmp_path)
    # When its findings are asked for
    assert run_command([*arguments, "--sarif", "made/found.sarif"]) == 3
    # Then they point to the file by its path
    (run,) = json.loads((tmp_path / "made" / "found.sarif").read_text())["runs"]
    (finding,) = run["results"]
    assert finding["properties"]["label"] == 33
    assert finding["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "traffic_signs.h5"
    # And a place that cannot be written is refused before anything starts
    assert run_command([*arguments, "--sarif", str(tmp_path / "traffic_signs.h5" / "found.sarif")]) == 2


def test_force_makes_a_new_generation(
    settings: Settings,
    stored: Stored,
    make_result: Make,
    arguments: list[str],
    without_workers: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a scan that is done, when it is forced and stopped at once, then another submission had been begun
    identity = stored(make_result())
    monkeypatch.setattr(local, "watch", _interrupted)
    assert run_command([*arguments, "--force"]) == 130
    (new,) = without_workers
    assert new != identity
    store = open_store(settings)
    with store.read() as session:
        assert submissions.get(session, submission_id=new).generation == 1
    store.close()


def _interrupted(*_: object) -> Iterator[Any]:
    raise KeyboardInterrupt
    yield
