"""Action, GitLab template and hook run to the exit code and the findings of the scan."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.client.addresses.incoming import SUFFIXES
from nc_tasks.settings import Settings
from tests.api.conftest import files, make_result, settings, stored
from tests.deploy.runners import ACTION, GITLAB, HOOKS, ROOT, Job

__all__ = ["files", "make_result", "settings", "stored"]

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]


@pytest.fixture
def job(settings: Settings, files: tuple[Path, Path], tmp_path: Path) -> Job:
    """A project with a model and clean data, whose scan the home may have already."""
    folder, temporary = tmp_path / "project", tmp_path / "runner"
    (folder / "models").mkdir(parents=True)
    temporary.mkdir()
    model, data = files
    (folder / "models" / model.name).write_bytes(model.read_bytes())
    (folder / data.name).write_bytes(data.read_bytes())
    return Job(folder=folder, temporary=temporary, environment={"CLEANSE_HOME": str(settings.home)})


def findings(path: Path) -> list[tuple[str, int]]:
    """Of each, the file that it points to and its label."""
    (run,) = json.loads(path.read_text())["runs"]
    return [
        (one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], one["properties"]["label"])
        for one in run["results"]
    ]


def test_no_text_from_outside_becomes_a_part_of_a_script() -> None:
    for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
    assert not re.search(r"\b(eval|sh -c)\b", "".join(path.read_text() for path in ACTION.parent.glob("*.sh")))


@pytest.mark.parametrize(("how", "code"), [({}, 0), ({"infected": {33: 8.2}}, 3), ({"unfinished": 11}, 4)])
def test_the_action_ends_with_the_verdict_and_uploads_the_findings(
    job: Job, stored: Stored, make_result: Make, how: dict[str, Any], code: int
) -> None:
    stored(make_result(**how))
    outputs = job.action(model="models/traffic_signs.h5", data="clean.npz", install="false")
    assert job.code == code, job.said
    assert outputs == {"exit-code": str(code), "sarif": "cleanse/result.sarif"}
    assert job.used == [("github/codeql-action/upload-sarif@v4", {"sarif_file": "cleanse/result.sarif"})]
    assert (job.folder / "cleanse" / "report.html").is_file()
    if code == 3:
        assert findings(job.folder / "cleanse" / "result.sarif") == [("models/traffic_signs.h5", 33)]


def test_an_action_whose_model_is_refused_uploads_nothing_of_an_earlier_scan(job: Job) -> None:
    (job.folder / "cleanse").mkdir()
    (job.folder / "cleanse" / "result.sarif").write_text("{}")
    outputs = job.action(model="gone.keras", data="clean.npz", install="false")
    assert job.code == 2
    assert outputs == {"exit-code": "2", "sarif": ""}
    assert job.used == []
    assert "gone.keras does not exist" in job.said


def test_options_are_words_and_no_more(job: Job) -> None:
    options = "--labels\n$(touch${IFS}made)  *"
    job.action(model="models/traffic_signs.h5", data="clean.npz", install="false", options=options)
    assert job.code == 64
    job.gitlab(MODEL="models/traffic_signs.h5", DATA="clean.npz", OPTIONS=options)
    assert job.code == 64
    assert not (job.folder / "made").exists()


def test_an_action_with_a_server_sends_the_model_there(job: Job) -> None:
    # Given an address at which nobody answers
    job.action(model="models/traffic_signs.h5", data="clean.npz", install="false", server="http://127.0.0.1:9")
    assert job.code == 1
    assert "http://127.0.0.1:9 does not answer" in job.said


def test_the_gitlab_job_ends_with_the_verdict_and_keeps_the_results(
    job: Job, stored: Stored, make_result: Make
) -> None:
    stored(make_result(infected={33: 8.2}))
    job.gitlab(MODEL="models/traffic_signs.h5", DATA="clean.npz")
    assert job.code == 3, job.said
    assert findings(job.folder / "cleanse" / "result.sarif") == [("models/traffic_signs.h5", 33)]
    artifacts = yaml.safe_load(GITLAB.read_text())[".cleanse"]["artifacts"]
    assert artifacts == {"when": "always", "paths": ["$RESULTS/"]}
    # And with a server it asks that
    job.gitlab(MODEL="models/traffic_signs.h5", DATA="clean.npz", CLEANSE_SERVER="http://127.0.0.1:9")
    assert job.code == 1
    assert "http://127.0.0.1:9 does not answer" in job.said


def test_the_hook_scans_the_models_that_are_staged(job: Job, stored: Stored, make_result: Make) -> None:
    stored(make_result(infected={33: 8.2}))
    job.hook(["README.md", "clean.npz"], "--data", "clean.npz")
    assert (job.code, job.said) == (0, "")
    job.hook(["README.md", "models/traffic_signs.h5"], "--data", "clean.npz", "--sarif", "found.sarif")
    assert job.code == 3, job.said
    assert findings(job.folder / "found.sarif") == [("models/traffic_signs.h5", 33)]


def test_the_hook_has_what_pre_commit_asks_for_and_installs_what_scans() -> None:
    (hook,) = yaml.safe_load(HOOKS.read_text())
    assert {"id", "name", "entry", "language"} <= hook.keys()
    assert hook["language"] == "python"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert hook["additional_dependencies"] == extras["cpu"]
    assert all(re.search(hook["files"], f"model{suffix}") for suffix in SUFFIXES["model"])
