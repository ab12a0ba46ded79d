"""The admission example: its pod does what its policy asks for, and the check that both name tells files apart."""

import re
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import DEPLOY

ADMISSION = DEPLOY / "kubernetes/admission"


@pytest.fixture(scope="module")
def policy() -> dict[str, Any]:
    return documents("policy")[0]


@pytest.fixture(scope="module")
def pod() -> dict[str, Any]:
    (found,) = documents("pod.example")
    return found["spec"]


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ADMISSION / f"{name}.yaml").read_text()))


def test_the_policy_is_bound_denies_and_denies_too_where_there_is_no_list(policy: dict[str, Any]) -> None:
    _, binding = documents("policy")
    (listed,) = documents("attested.example")
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert binding["spec"]["validationActions"] == ["Deny"]
    reference = binding["spec"]["paramRef"]
    assert reference == {**listed["metadata"], "parameterNotFoundAction": "Deny"}
    assert policy["spec"]["paramKind"] == {name: listed[name] for name in ("apiVersion", "kind")}
    assert policy["spec"]["failurePolicy"] == "Fail"


def test_the_pod_of_the_example_names_what_is_listed_and_runs_the_check_of_the_policy(
    policy: dict[str, Any], pod: dict[str, Any]
) -> None:
    (listed,) = documents("attested.example")
    check, server = pod["initContainers"][0], pod["containers"][0]
    assert check["image"] == listed["data"]["checker"]
    assert check["args"][0] in listed["data"]
    (volume,) = pod["volumes"]
    assert re.search("@sha256:[0-9a-f]{64}$", volume["image"]["reference"])
    assert check["volumeMounts"] == server["volumeMounts"] == [{"name": volume["name"], "mountPath": "/model"}]
    # The command stands in the policy letter for letter
    expressions = " ".join(one["expression"] for one in policy["spec"]["validations"])
    assert f"c.command == ['sh', '-c', '{check['command'][2]}']" in expressions


@pytest.mark.parametrize("change", ["", "one byte", "gone"])
def test_the_check_ends_well_for_the_attested_net_alone(pod: dict[str, Any], tmp_path: Path, change: str) -> None:
    # Given a net that was attested, and what lies in the volume
    digest = sha256(b"net").hexdigest()
    if change != "gone":
        (tmp_path / "scanned.keras").write_bytes(b"net" + change.encode())
    # When the check is run on that volume
    command = [part.replace("/model/", f"{tmp_path}/") for part in pod["initContainers"][0]["command"]]
    ran = subprocess.run([*command, digest], capture_output=True, text=True, check=False)
    # Then the others may begin, or not
    assert (ran.returncode == 0) == (change == ""), ran.stdout + ran.stderr
