"""What `cleanse evaluate` hands to a worker, and prints of what that one found."""

from pathlib import Path
from typing import Any

import pytest

from api.cli.evaluate import lines
from api.cli.main import run_command
from nc_tasks.files import open_artefacts
from nc_tasks.settings import Settings


def test_where_files_lie_in_a_bucket_every_worker_finds_what_is_to_be_evaluated(
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given files of this machine, and a home whose files go to a bucket
    for name in ("net.keras", "clean.npz", "poisoned.npz"):
        (tmp_path / name).write_text(name)
    monkeypatch.setenv("CLEANSE_ARTEFACTS_URL", bucket)
    monkeypatch.setenv("CLEANSE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    asked: list[dict[str, Any]] = []

    def worker(_settings: Settings, _kind: str, arguments: dict[str, Any], **_: object) -> dict[str, Any]:
        asked.append(arguments)
        clean = {"images": 1, "accuracy": 1.0, "flagged_rate": None}
        return {"classes": 43, "guarded": False, "clean": clean, "poisoned": None}

    monkeypatch.setattr("api.cli.jobs.run_job", worker)
    # When they are handed to a worker
    assert run_command(["evaluate", "net.keras", "--clean", "clean.npz", "--poisoned", "poisoned.npz"]) == 0
    # Then one on another machine has them
    elsewhere = open_artefacts(Settings(home=tmp_path / "elsewhere", artefacts_url=bucket))
    for kept in (asked[0]["model"], asked[0]["clean"], *asked[0]["poisoned"]):
        assert elsewhere.path(kept["sha256"]).read_text() == kept["name"]


def test_a_plain_net_is_told_by_accuracy_and_attack_rate() -> None:
    clean = {"images": 1204, "accuracy": 0.987, "flagged_rate": None}
    found = {"classes": 43, "guarded": False, "clean": clean, "poisoned": None}
    assert lines(found) == ["clean accuracy 98.7% (1,204 pictures)"]
    poisoned = {"images": 10, "attack_success_rate": None, "flagged_rate": None}
    assert lines({**found, "poisoned": poisoned})[1:] == ["attack success rate – (10 pictures)"]


def test_a_guarded_net_also_by_what_it_calls_backdoored() -> None:
    clean = {"images": 100, "accuracy": 0.95, "flagged_rate": 0.01}
    poisoned = {"images": 50, "attack_success_rate": 0.0, "flagged_rate": 0.98}
    assert lines({"classes": 44, "guarded": True, "clean": clean, "poisoned": poisoned}) == [
        "clean accuracy 95.0% (100 pictures)",
        "clean pictures called backdoored 1.0%",
        "attack success rate 0.0% (50 pictures)",
        "poisoned pictures called backdoored 98.0%",
    ]
