"""The action installs the program from its own revision."""

import subprocess
from pathlib import Path

from tests.deploy.runners import Job


def test_the_action_installs_a_program_that_runs_and_asks_its_server(tmp_path: Path) -> None:
    # Given a project, and a server at which nobody answers
    folder, temporary = tmp_path / "project", tmp_path / "runner"
    folder.mkdir()
    temporary.mkdir()
    (folder / "model.keras").touch()
    (folder / "clean.npz").touch()
    job = Job(folder=folder, temporary=temporary, environment={"CLEANSE_HOME": str(tmp_path / "home")})
    # When the action has run
    job.action(model="model.keras", data="clean.npz", server="http://127.0.0.1:9")
    # Then what it installed is on the PATH of what follows
    assert job.used[0] == ("actions/setup-python@v6", {"python-version": "3.12"})
    (path,) = (temporary / "path").read_text().splitlines()
    assert path == str(temporary / "cleanse/bin"), job.said
    told = subprocess.run([f"{path}/cleanse", "--version"], capture_output=True, text=True, cwd=folder, check=True)
    assert told.stdout.startswith("cleanse ")
    assert "http://127.0.0.1:9 does not answer" in job.said
