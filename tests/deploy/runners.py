"""Runs pipelines as their runners do: a composite action of GitHub, a job of GitLab, a hook of pre-commit."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "deploy/action/action.yml"
GITLAB = ROOT / "deploy/gitlab/cleanse.yaml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
VALUE = re.compile(r"'(?P<text>[^']*)'|(?P<name>[a-z]+(?:\.[a-z-]+)+)")
STATUS = re.compile(r"\b(always|success|failure|cancelled)\(\)")


@dataclass(kw_only=True)
class Job:
    """A machine on which a job runs, in a clean folder, with `cleanse` of this environment on its PATH.

    Attributes:
        folder: The project that is checked.
        temporary: The runner's own folder, beside it.
        environment: Variables of the job.
        used: Steps of other actions, with what they were given: they are not run.
    """

    folder: Path
    temporary: Path
    environment: dict[str, str]
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    code: int = 0
    said: str = ""

    def shell(self, command: list[str], environment: Mapping[str, str]) -> int:
        added = (self.temporary / "path").read_text().splitlines() if (self.temporary / "path").exists() else []
        path = os.pathsep.join([*reversed(added), str(Path(sys.executable).parent), os.environ["PATH"]])
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "PATH": path, **self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.said += ran.stdout
        return ran.returncode

    def action(self, **given: str) -> dict[str, str]:
        """Run the action with these inputs, a line for a hyphen in their names; returns its outputs."""
        action = yaml.safe_load(ACTION.read_text())
        inputs = {name: one.get("default", "") for name, one in action["inputs"].items()}
        inputs |= {name.replace("_", "-"): text for name, text in given.items()}
        missing = [name for name, one in action["inputs"].items() if one.get("required") and not inputs[name]]
        assert not missing, f"inputs that are required: {missing}"
        assert inputs.keys() == action["inputs"].keys()
        known: dict[str, Any] = {"inputs": inputs, "steps": {}}
        for step in action["runs"]["steps"]:
            if _holds(step.get("if", "success()"), known, failed=bool(self.code)):
                self._step(step, known)
        return {name: _resolved(one["value"], known) for name, one in action["outputs"].items()}

    def _step(self, step: Mapping[str, Any], known: dict[str, Any]) -> None:
        if "uses" in step:
            self.used.append((step["uses"], {k: _resolved(v, known) for k, v in step.get("with", {}).items()}))
            return
        assert step["shell"] == "bash"
        script, outputs = self.temporary / "step.sh", self.temporary / "outputs"
        script.write_text(_resolved(step["run"], known))
        outputs.write_text("")
        variables = {name: _resolved(text, known) for name, text in step.get("env", {}).items()}
        variables |= {"GITHUB_ACTION_PATH": str(ACTION.parent), "GITHUB_OUTPUT": str(outputs)}
        variables |= {"GITHUB_PATH": str(self.temporary / "path"), "RUNNER_TEMP": str(self.temporary)}
        code = self.shell(["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)], variables)
        self.code = self.code or code
        pairs = [line.partition("=") for line in outputs.read_text().splitlines()]
        known["steps"][step.get("id", "")] = {"outputs": {name: text for name, _, text in pairs}}

    def gitlab(self, **variables: str) -> None:
        """Run the script of a job that extends the template and sets these variables."""
        job = yaml.safe_load(GITLAB.read_text())[".cleanse"]
        script = self.temporary / "script.sh"
        script.write_text("\n".join(job["script"]))
        self.code = self.shell(["bash", "-eo", "pipefail", str(script)], {**job["variables"], **variables})

    def hook(self, staged: list[str], *arguments: str) -> None:
        """Run the hook, with the arguments of who uses it, on the staged files that it is for."""
        (hook,) = yaml.safe_load(HOOKS.read_text())
        names = [name for name in staged if re.search(hook["files"], name)]
        self.code = self.shell([*hook["entry"].split(), *arguments, *names], {}) if names else 0


def _resolved(text: str, known: Mapping[str, Any]) -> str:
    """The text with the value of every expression in it, each the name of one."""
    return EXPRESSION.sub(lambda found: _value(found[1].strip(), known), text)


def _value(name: str, known: Mapping[str, Any]) -> str:
    found: Any = known
    for part in name.split("."):
        found = found.get(part, {})
    return found or ""


def _holds(condition: str, known: Mapping[str, Any], *, failed: bool) -> bool:
    """Whether the step is run: without a word about earlier steps none of them may have failed."""
    words = STATUS.sub(
        lambda found: {"always": "True", "failure": str(failed)}.get(found[1], str(not failed)), condition
    )
    words = words.replace("&&", " and ").replace("||", " or ")
    words = VALUE.sub(
        lambda found: repr(found["text"] or "") if found["name"] is None else repr(_value(found["name"], known)), words
    )
    told = bool(eval(words, {"__builtins__": {}}))
    return told and (not failed or STATUS.search(condition) is not None)
