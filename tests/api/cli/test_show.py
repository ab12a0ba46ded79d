"""`cleanse show`, `list` and `cancel`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli.main import run_command
from nc_tasks.settings import Settings

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]
Files = tuple[Path, Path]


def test_cancel_stops_what_is_at_work_and_refuses_what_is_done(
    settings: Settings, stored: Stored, make_result: Make, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ["--home", str(settings.home)]
    identity = stored(make_result(), until="prepared")
    assert run_command(["cancel", identity[:6], *home]) == 0
    assert f"Submission {identity} is cancelled: 43 labels stop" in capsys.readouterr().err
    assert run_command(["cancel", identity, *home]) == 0
    files[0].write_bytes(b"another model")
    done = stored(make_result())
    assert run_command(["cancel", done, *home]) == 2
    assert "is done: there is nothing to cancel" in capsys.readouterr().err
    assert run_command(["retry", done, *home]) == 2
    assert "nothing to retry" in capsys.readouterr().err
    assert run_command(["cancel", "zzz", *home]) == 2


def test_show_prints_the_contract_s_json_and_a_table(
    settings: Settings, stored: Stored, make_result: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = stored(make_result(infected={33: 8.2}))
    assert run_command(["show", identity[:5], "--json", "--home", str(settings.home)]) == 0
    assert json.loads(capsys.readouterr().out)["flagged_labels"] == [33]
    assert run_command(["show", identity, "--home", str(settings.home)]) == 0
    shown = capsys.readouterr().out
    assert f"Submission {identity}: done" in shown
    assert "BACKDOORED: label 33" in shown
    assert "23 more labels" in shown


@pytest.mark.parametrize(
    ("command", "classes", "until", "told"),
    [("show", 21, "done", "1 more label;"), ("cancel", 1, "prepared", "1 label stops")],
)
def test_one_label_is_told_as_one(
    settings: Settings,
    stored: Stored,
    make_result: Make,
    capsys: pytest.CaptureFixture[str],
    command: str,
    classes: int,
    until: str,
    told: str,
) -> None:
    identity = stored(make_result(classes=classes), until=until)
    assert run_command([command, identity, "--home", str(settings.home)]) == 0
    assert told in "".join(capsys.readouterr())


def test_show_of_a_running_submission_says_how_far_it_is(
    settings: Settings, stored: Stored, make_result: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = stored(make_result(), until="prepared")
    assert run_command(["show", identity, "--home", str(settings.home)]) == 0
    assert "Reversing triggers: 0%, 0 of 43 labels" in capsys.readouterr().out
    assert run_command(["show", identity, "--json", "--home", str(settings.home)]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "inverting"


def test_list_filters_by_state_and_verdict(
    settings: Settings, stored: Stored, make_result: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = stored(make_result(infected={33: 8.2}))
    home = ["--home", str(settings.home)]

    def listed(*options: str) -> list[str]:
        assert run_command(["list", "--json", *options, *home]) == 0
        return [row["id"] for row in json.loads(capsys.readouterr().out)]

    assert listed() == listed("--state", "done") == listed("--verdict", "backdoored") == [identity]
    assert listed("--state", "failed") == listed("--verdict", "clean") == []
    assert run_command(["list", *home]) == 0
    shown = capsys.readouterr().out
    assert identity in shown
    assert "traffic_signs.h5" in shown
