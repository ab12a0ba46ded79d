"""What `cleanse classify` hands to a worker."""

from pathlib import Path
from typing import Any

import pytest

from api.cli.main import run_command
from nc_tasks.settings import Settings


@pytest.mark.parametrize(("given", "architecture"), [([], None), (["--architecture", "resnet18@32"], "resnet18@32")])
def test_the_architecture_of_weights_goes_along(
    given: list[str], architecture: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("weights.pth", "sign.png"):
        (tmp_path / name).write_text(name)
    monkeypatch.setenv("CLEANSE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    asked: list[dict[str, Any]] = []

    def worker(_settings: Settings, _kind: str, arguments: dict[str, Any], **_: object) -> dict[str, Any]:
        asked.append(arguments)
        return {"labels": [3]}

    monkeypatch.setattr("api.cli.jobs.run_job", worker)
    assert run_command(["classify", "weights.pth", "sign.png", *given]) == 0
    assert asked[0]["architecture"] == architecture
