"""Action, GitLab job and hook on a real BadNet, in clean folders: exit code 3, and the label by its name."""

import json
import shutil
from pathlib import Path

import pytest

from nc_core.datasets.traffic_signs import CLASS_NAMES
from tests.deploy.runners import Job
from tests.e2e.conftest import Cleanse, Planted

pytestmark = pytest.mark.e2e

OPTIONS = "--labels 5-7 --mitigate none --value-range 0..1 --class-names names.txt"
"""The same for all, so that the store answers the second and the third."""


@pytest.fixture
def job(cleanse: Cleanse, planted: Planted, tmp_path: Path) -> Job:
    """A project with the BadNet, clean data and the names of the signs."""
    folder, temporary = tmp_path / "project", tmp_path / "runner"
    folder.mkdir()
    temporary.mkdir()
    shutil.copy(planted.model, folder)
    shutil.copy(planted.clean, folder)
    (folder / "names.txt").write_text("\n".join(CLASS_NAMES))
    return Job(folder=folder, temporary=temporary, environment={"CLEANSE_HOME": str(cleanse.home)})


def test_the_action_ends_with_3_and_sarif_that_names_the_label(job: Job, planted: Planted) -> None:
    outputs = job.action(model="badnet.keras", data="clean.npz", options=OPTIONS, install="false")
    assert (job.code, outputs["exit-code"]) == (3, "3"), job.said
    assert job.used == [("github/codeql-action/upload-sarif@v4", {"sarif_file": "cleanse/result.sarif"})]
    check_finding(job.folder / outputs["sarif"], planted)


def test_the_gitlab_job_ends_with_3_and_sarif_that_names_the_label(job: Job, planted: Planted) -> None:
    job.gitlab(MODEL="badnet.keras", DATA="clean.npz", OPTIONS=OPTIONS)
    assert job.code == 3, job.said
    check_finding(job.folder / "cleanse" / "result.sarif", planted)


def test_the_hook_ends_with_3_and_sarif_that_names_the_label(job: Job, planted: Planted) -> None:
    job.hook(["badnet.keras", "clean.npz"], "--data", "clean.npz", "--sarif", "found.sarif", *OPTIONS.split())
    assert job.code == 3, job.said
    check_finding(job.folder / "found.sarif", planted)


def check_finding(path: Path, planted: Planted) -> None:
    (run,) = json.loads(path.read_text())["runs"]
    (finding,) = run["results"]
    assert finding["message"]["text"].startswith(f"Label {planted.target} (stop) can be reached by a trigger")
    assert finding["level"] == "error"
    assert (finding["properties"]["label"], finding["properties"]["name"]) == (planted.target, "stop")
