"""The commands that repeat a scan: a shell and the command line make of them what was asked for."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from api.cli.main import app
from nc_tasks.request.commands import commands_of
from nc_tasks.request.options import ScanOptions, scan_options

ASKED: dict[str, Any] = {
    "profile": "thorough",
    "detector": "gangsweep",
    "mitigate": "unlearning,fine-pruning",
    "max_accuracy_loss": 0.1,
    "false_positive_rate": 0.02,
    "value_range": "-1..1",
    "resize": "nearest",
    "channels": "grey",
    "architecture": "resnet18@64x64",
    "output": "-$(head) 2",
    "input_shape": "28x28x1",
    "labels": "0-79,90",
    "min_accuracy": 0.35,
    "unlabelled": True,
    "slots": 3,
    "seed": 7,
    "budget_minutes": 2.5,
    "baseline": "signs",
    "class_names": ["stop", "it's; rm -rf ~", "$(reboot)"],
}
HOSTILE = '-it\'s $(reboot) `a` & "b"; #.keras'


def taken(line: str, folder: Path) -> dict[str, Any]:
    """What the command line takes from the line, once a shell has read it in the folder."""
    (words := folder / "cleanse").write_text('#!/bin/sh\nprintf "%s\\0" "$@" > words\n')
    words.chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin"}
    subprocess.run(["sh", "-ec", line], cwd=folder, env=environment, check=True)
    name, *arguments = (folder / "words").read_text().split("\0")[:-1]
    command: Any = typer.main.get_command(app)
    found = command.commands[name].make_context(name, arguments)
    return dict(found.params)


def test_given_nothing_but_files_then_the_commands_are_as_short_as_in_the_readme() -> None:
    found = commands_of(model="badnet.keras", data="clean.npz", poisoned=[], options=ScanOptions())
    assert found == {
        "run": "cleanse run badnet.keras --data clean.npz",
        "submit": "cleanse submit badnet.keras --data clean.npz",
    }


@pytest.mark.parametrize("command", ["run", "submit"])
@pytest.mark.parametrize("asked", [ASKED, {"mitigate": "none", "twins": 19}])
def test_what_was_asked_for_is_what_the_command_line_takes(
    command: str, asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The file of names is read where the line has written it
    monkeypatch.chdir(tmp_path)
    options = scan_options(**asked)
    found = commands_of(model=HOSTILE, data="a b.npz", poisoned=["p 1.h5", "-p.h5"], options=options)
    assert found is not None
    params = taken(found[command], tmp_path)
    kept = {name: params[name] for name in ScanOptions.model_fields if name in params}
    assert scan_options(**kept) == options
    model = params["model"] if command == "run" else params["models"][0]
    assert (model, params["data"], params["poisoned"]) == (f"./{HOSTILE}", "a b.npz", ["p 1.h5", "./-p.h5"])


def test_every_option_of_a_scan_is_one_of_the_command_line_or_known_to_be_none() -> None:
    for name, value in {"alpha": 0.01, "twin": 3}.items():
        options = ScanOptions(value_range="0..1", **{name: value})
        assert commands_of(model="m.h5", data="d.npz", poisoned=[], options=options) is None
    covered = {*ASKED, "alpha", "twin", "twins"}
    assert covered == set(ScanOptions.model_fields)
