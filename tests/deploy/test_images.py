"""Images and processes of the deployment fit the program."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nc_tasks.embedded.commands import NAMES, command_of
from nc_tasks.embedded.flower import CONFIGURATION
from nc_tasks.settings import Settings
from tests.deploy.conftest import DOCKERFILES, ROOT, TEXTS, name_of


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    known = {f"CLEANSE_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"CLEANSE_[A-Z_]+[A-Z]", path.read_text())) <= known


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_an_image_runs_as_nobody_special_and_starts_something_that_exists(path: Path) -> None:
    lines = path.read_text().replace("\\\n", " ").splitlines()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            assert all((ROOT / source).exists() for source in line.split()[1:-1]), line
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["10001:10001"]
    command = json.loads(next(line for line in lines if line.startswith("CMD ")).removeprefix("CMD "))
    assert command[:3] == ["python", "-m", "nc_tasks"]
    assert command[3] in NAMES


@pytest.mark.parametrize("image", ["api", "worker-cpu", "worker-gpu"])
def test_an_image_has_what_the_tests_ran_with_and_nothing_of_the_tests(image: str) -> None:
    def pinned(name: str) -> dict[str, str]:
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        return dict(re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==([^ ;]+)", "\n".join(lines), re.MULTILINE))

    installed, tested = pinned(image), pinned("gpu" if image == "worker-gpu" else "cpu")
    assert installed.items() <= tested.items()
    assert {"fastapi", "celery", "psycopg", "boto3", "opentelemetry-sdk", "flower"} <= installed.keys()
    assert {"pytest", "moto", "playwright", "ruff"}.isdisjoint(installed)
    heavy = {"tensorflow", "tensorflow-cpu"} & installed.keys()
    assert heavy == {"api": set(), "worker-cpu": {"tensorflow-cpu"}, "worker-gpu": {"tensorflow"}}[image]


def test_every_process_is_one_of_the_embedded_stack(tmp_path: Path) -> None:
    made = {name: command_of(name, Settings(home=tmp_path, worker_slots=7)) for name in NAMES}
    assert made["labels"].environment["CLEANSE_WORKER_SLOTS"] == "7"
    assert made["labels"].processors is None
    assert made["sweeper"].arguments[-1] == "nc_tasks.sweeper"
    assert f"--conf={CONFIGURATION}" in made["flower"].arguments
    there = command_of("flower", Settings(home=tmp_path, flower_url="http://flower:5555"))
    assert there.arguments[-2:] == ("--address=0.0.0.0", "--port=5555")


def test_every_image_of_others_has_its_full_version(compose: dict[str, Any]) -> None:
    images = [found["image"] for found in compose["services"].values() if "build" not in found]
    for path in DOCKERFILES:
        images += re.findall(r"^FROM (\S+)", path.read_text(), re.MULTILINE)
    for image in images:
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-|$)", image), image
