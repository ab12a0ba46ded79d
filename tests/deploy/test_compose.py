"""The compose file fits the program, and confines what it starts."""

import json
import re
import shutil
import subprocess
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from nc_tasks.embedded.commands import NAMES
from tests.deploy.conftest import DEPLOY, ROOT


def test_in_compose_everything_of_ours_is_confined_and_the_proxy_alone_is_reached(compose: dict[str, Any]) -> None:
    ours = {name: found for name, found in compose["services"].items() if "build" in found}
    assert {"api", "sweeper", "flower", "labels-cpu", "control-cpu", "labels-gpu", "control-gpu"} <= ours.keys()
    for service in ours.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert (ROOT / service["build"]["dockerfile"]).is_file()
        command = service.get("command", ["python", "-m", "nc_tasks", "api"])
        assert command[:3] == ["python", "-m", "nc_tasks"]
        assert command[3] in (*NAMES, "bucket")
    assert [name for name, found in compose["services"].items() if "ports" in found] == ["proxy"]
    assert compose["networks"]["inside"]["internal"]
    assert {found["profiles"][0] for found in ours.values() if "profiles" in found} == {"cpu", "gpu"}


def test_in_compose_the_api_believes_the_proxy_alone(compose: dict[str, Any]) -> None:
    proxy = ip_address(compose["services"]["proxy"]["networks"]["inside"]["ipv4_address"])
    assert compose["services"]["api"]["environment"]["CLEANSE_TRUSTED_PROXIES"] == str(proxy)
    (given,) = compose["networks"]["inside"]["ipam"]["config"]
    assert proxy in ip_network(given["subnet"])
    assert proxy not in ip_network(given["ip_range"])


def test_in_compose_what_is_named_is_there(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert set(service.get("depends_on", ())) <= compose["services"].keys()
        assert set(service["networks"]) <= compose["networks"].keys()
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).is_file()
    hosts = re.findall(r"(?:@|//)([a-z0-9]+)[:/]", json.dumps([compose["x-stores"], compose["x-bucket"]]))
    assert set(hosts) - {"cleanse"} <= compose["services"].keys()


def test_in_compose_who_sends_callbacks_reaches_the_world_and_who_reads_models_does_not(
    compose: dict[str, Any],
) -> None:
    leading_out = {name for name, found in compose["networks"].items() if not found.get("internal")}
    reaching = {name for name, found in compose["services"].items() if leading_out & set(found["networks"])}
    assert reaching == {"proxy", "sweeper"}
    # The proxy's network is for those who come in: the sweeper is not to be found there.
    shared = [set(compose["services"][name]["networks"]) for name in ("proxy", "sweeper")]
    assert shared[0] & shared[1] == {"inside"}


def test_docker_compose_takes_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed")
    secrets = dict.fromkeys(("POSTGRES_PASSWORD", "VALKEY_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"), "x")
    command = [docker, "compose", "--file", str(DEPLOY / "compose.yaml"), "--profile", "cpu", "config", "--quiet"]
    subprocess.run(command, env={"PATH": "/usr/bin:/bin:/usr/local/bin", **secrets}, check=True)
