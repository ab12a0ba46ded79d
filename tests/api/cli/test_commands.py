"""The commands that print, write and gate, on a store with submissions whose ends are known."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli.main import run_command
from nc_core.results.numbers import probability
from tests.api.cli.conftest import printed

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
Files = tuple[Path, Path]

pytestmark = pytest.mark.usefixtures("home")


def test_labels_are_listed_and_filtered(stored: Stored, make_result: Make, capsys: pytest.CaptureFixture[str]) -> None:
    identity = stored(make_result(infected={33: 8.2}, unfinished=2))
    assert [row["label"] for row in printed(capsys, f"labels {identity}")] == list(range(43))
    assert [row["label"] for row in printed(capsys, f"labels {identity} --state not_converged")] == [0, 1]
    assert run_command(["labels", identity[:6]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 43
    assert lines[1].split()[:3] == ["33", "done", "8.20"]


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


def test_two_versions_are_compared_by_the_names_of_their_classes(
    stored: Stored, make_result: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    result = make_result(infected={33: 4.2})
    result["preflight"]["class_names"] = [f"sign {label}" for label in range(43)]
    one = stored(result)
    assert run_command(["compare", one, one]) == 0
    assert "33 (sign 33)" in capsys.readouterr().out


def test_an_estimate_is_printed_for_people_and_programs(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = shared / "models" / "oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5"
    found = printed(capsys, f"estimate {model} --workers 2 --labels 0-9")
    assert (found["labels"], found["classes"], found["workers"], found["scans"]) == (10, 43, 2, 0)
    assert run_command(["estimate", str(model)]) == 0
    shown = capsys.readouterr().out
    assert "labels  43" in shown
    assert "twins" not in shown
    assert run_command(["estimate", str(model), "--twins", "19"]) == 0
    assert "to train and scan 19 clean twins" in capsys.readouterr().out
