"""The manifests fit the program, confine what they start, and scale it by its rows."""

import shutil
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text

from nc_tasks.embedded.commands import NAMES
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from tests.deploy.conftest import DEPLOY, DOCKERFILES, pods
from tests.servers.postgresql import PostgreSQL


def test_on_kubernetes_nobody_reaches_a_worker_and_it_reaches_the_stores_alone(objects: list[dict[str, Any]]) -> None:
    policies = {found["metadata"]["name"]: found["spec"] for found in objects if found["kind"] == "NetworkPolicy"}
    workers = policies["workers"]
    (chosen,) = workers["podSelector"]["matchExpressions"]
    assert set(chosen["values"]) == {name for name in names(objects) if name.startswith(("labels", "control"))}
    assert set(workers["policyTypes"]) == {"Ingress", "Egress"}
    assert workers["ingress"] == []
    ports = {port["port"] for rule in workers["egress"] for port in rule["ports"]}
    assert ports == {53, 443, 5432, 6379}
    # What stands in a private network, and where the provider of the machine hands out credentials, is not for TLS.
    (wide,) = (rule for rule in workers["egress"] if {port["port"] for port in rule["ports"]} == {443})
    refused = [ip_network(network) for entry in wide["to"] for network in entry["ipBlock"]["except"]]
    for address in ("10.0.0.1", "172.20.0.1", "192.168.1.1", "169.254.169.254", "fd00:ec2::254", "fe80::1"):
        assert any(ip_address(address) in network for network in refused), address


def test_on_kubernetes_the_ingress_and_prometheus_alone_reach_the_api(objects: list[dict[str, Any]]) -> None:
    policies = {found["metadata"]["name"]: found["spec"] for found in objects if found["kind"] == "NetworkPolicy"}
    ((rule,),) = (policies[name]["ingress"] for name in ("api",))
    (source,) = rule["from"]
    (chosen,) = source["namespaceSelector"]["matchExpressions"]
    assert chosen["values"] == ["ingress-nginx", "monitoring"]


def names(objects: list[dict[str, Any]]) -> set[str]:
    return {found["metadata"]["name"] for found in objects if found["kind"] == "Deployment"}


def test_every_kind_is_one_that_make_check_has_a_schema_of_or_is_known_to_have_none(
    objects: list[dict[str, Any]],
) -> None:
    # kubernetes-validate passes over a kind that it does not know, a mistyped one too.
    core = {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "ConfigMap", "Secret", "Ingress"}
    assert {found["kind"] for found in objects} == core | {"ScaledObject", "TriggerAuthentication"}


def test_on_kubernetes_the_api_is_told_where_the_ingress_is(objects: list[dict[str, Any]]) -> None:
    told = [entry for pod in pods(objects) for entry in pod["containers"][0].get("env", [])]
    (proxies,) = [entry["value"] for entry in told if entry["name"] == "CLEANSE_TRUSTED_PROXIES"]
    assert Settings(trusted_proxies=proxies).trusted_proxies == proxies
    assert all(ip_network(network).prefixlen >= 16 for network in proxies.split(","))


def test_on_kubernetes_every_pod_is_confined_and_runs_something_that_exists(objects: list[dict[str, Any]]) -> None:
    found = list(pods(objects))
    assert len(found) == 7
    images = {path.name.removesuffix(".Dockerfile") for path in DOCKERFILES}
    for pod in found:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["enableServiceLinks"] is False
        (container,) = pod["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["command"][:3] == ["python", "-m", "nc_tasks"]
        assert container["command"][3] in NAMES
        assert container["image"].removeprefix("cleanse-") in images


def test_on_kubernetes_what_is_named_is_there(objects: list[dict[str, Any]]) -> None:
    named = {(found["kind"], found["metadata"]["name"]) for found in objects}
    assert len(named) == len(objects)
    for found in objects:
        if found["kind"] == "ScaledObject":
            assert ("Deployment", found["spec"]["scaleTargetRef"]["name"]) in named
            (trigger,) = found["spec"]["triggers"]
            assert ("TriggerAuthentication", trigger["authenticationRef"]["name"]) in named
        if found["kind"] == "Service":
            assert ("Deployment", found["spec"]["selector"]["app.kubernetes.io/name"]) in named
    kustomization = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    assert all((DEPLOY / "kubernetes" / name).is_file() for name in kustomization["resources"])


def test_kubectl_puts_the_manifests_together() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    made = subprocess.run([kubectl, "kustomize", DEPLOY / "kubernetes"], capture_output=True, text=True, check=True)
    assert {"Deployment", "ScaledObject", "Ingress"} <= {found["kind"] for found in yaml.safe_load_all(made.stdout)}


def test_what_workers_are_scaled_by_counts_queued_and_running_rows(
    objects: list[dict[str, Any]], postgresql: PostgreSQL, tmp_path: Path
) -> None:
    # Given a submission with two labels that wait, one that runs and one that is done, and one repair that waits
    store = open_store(Settings(home=tmp_path, database_url=postgresql.database()))
    columns = "id, key, generation, state, model_sha256, model_name, data_sha256, data_name, poisoned, options"
    leased = "attempt, attempt_base"
    with store.write() as session:
        for statement in (
            f"INSERT INTO submission ({columns}, round, owner, priority, tags, created_at) VALUES "
            "('a', 'k', 0, 'inverting', 'm', 'm', 'd', 'd', '[]', '{}', 0, 'local', 'normal', '{}', now())",
            *(
                f"INSERT INTO label (submission_id, label, round, state, {leased}, alone, updates, updates_budget) "
                f"VALUES ('a', {label}, 0, '{state}', 0, 0, false, 0, 1)"
                for label, state in enumerate(("queued", "queued", "running", "done"))
            ),
            f"INSERT INTO mitigation (submission_id, method, state, {leased}, progress) "
            "VALUES ('a', 'unlearning', 'queued', 0, 0, 0)",
        ):
            session.execute(text(statement))
    # When KEDA asks
    with store.read() as session:
        asked = {
            found["metadata"]["name"]: session.scalar(text(found["spec"]["triggers"][0]["metadata"]["query"]))
            for found in objects
            if found["kind"] == "ScaledObject"
        }
    store.close()
    # Then
    assert asked == {"labels-cpu": 3, "labels-gpu": 3, "control-cpu": 1, "control-gpu": 1}
