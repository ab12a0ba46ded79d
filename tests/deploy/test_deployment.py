"""The files of the deployment fit the program: settings, processes, metrics, tables, and one another."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from api.service.metrics import Metrics
from nc_tasks.embedded.commands import NAMES, command_of
from nc_tasks.embedded.flower import CONFIGURATION
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.queries.measures import SWEEPER
from nc_tasks.store.rows import workers
from tests.servers.postgresql import PostgreSQL

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
GUIDE = ROOT / "docs/pages/operations.md"
DOCKERFILES = sorted((DEPLOY / "docker").glob("*.Dockerfile"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
TEXTS = [*DOCKERFILES, *MANIFESTS, DEPLOY / "compose.yaml", GUIDE]


def name_of(path: Path) -> str:
    return path.name


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    """All objects of all manifests but the list of them."""
    documents = (found for path in MANIFESTS for found in yaml.safe_load_all(path.read_text()))
    return [found for found in documents if found["kind"] != "Kustomization"]


def pods(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for found in objects:
        if found["kind"] == "Deployment":
            yield found["spec"]["template"]["spec"]


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


def test_every_image_of_others_has_its_full_version(compose: dict[str, Any]) -> None:
    images = [found["image"] for found in compose["services"].values() if "build" not in found]
    for path in DOCKERFILES:
        images += re.findall(r"^FROM (\S+)", path.read_text(), re.MULTILINE)
    for image in images:
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-|$)", image), image


def test_each_process_has_the_secrets_that_it_needs_alone(
    compose: dict[str, Any], objects: list[dict[str, Any]]
) -> None:
    # Flower looks into broker and database, and has no business in the bucket; who makes the bucket none elsewhere.
    def secrets(name: str) -> set[str]:
        given = json.dumps(compose["services"][name]["environment"])
        return set(re.findall(r"\$\{(\w+?)(?::|\})", given))

    stores, bucket = {"POSTGRES_PASSWORD", "VALKEY_PASSWORD"}, {"S3_ACCESS_KEY", "S3_SECRET_KEY"}
    assert secrets("flower") == stores
    assert secrets("bucket") == bucket
    for name in ("api", "sweeper", "labels-cpu", "control-gpu"):
        assert secrets(name) == stores | bucket
    held = {
        pod["containers"][0]["name"]: {
            entry["secretRef"]["name"] for entry in pod["containers"][0]["envFrom"] if "secretRef" in entry
        }
        for pod in pods(objects)
    }
    assert held.pop("flower") == {"cleanse-stores"}
    assert all(names == {"cleanse-stores", "cleanse-bucket"} for names in held.values())
    # KEDA reads with a user of its own.
    (scaling,) = (found for found in objects if found["kind"] == "TriggerAuthentication")
    assert {entry["name"] for entry in scaling["spec"]["secretTargetRef"]} == {"cleanse-scaling"}
    shown = {found["metadata"]["name"] for found in objects if found["kind"] == "Secret"}
    assert shown == {"cleanse-stores", "cleanse-bucket", "cleanse-scaling"}


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


def test_the_key_of_attestations_is_one_and_outlives_its_containers(
    compose: dict[str, Any], objects: list[dict[str, Any]]
) -> None:
    # In compose it lies under the home of the image, in a volume that its user may write.
    mounted = dict(volume.split(":")[:2] for volume in compose["services"]["api"]["volumes"])
    assert mounted["keys"] == "/var/lib/cleanse/keys"
    assert f"--mode=0700 {mounted['keys']}" in (DEPLOY / "docker" / "api.Dockerfile").read_text()
    # On Kubernetes every process is told one place, and every api has a secret there that its group alone may read.
    (settings,) = (found["data"] for found in objects if found["kind"] == "ConfigMap")
    place = Path(settings["CLEANSE_SIGNING_KEY"])
    (pod,) = (pod for pod in pods(objects) if pod["containers"][0]["name"] == "api")
    (mount,) = (one for one in pod["containers"][0]["volumeMounts"] if one["mountPath"] == str(place.parent))
    (volume,) = (one for one in pod["volumes"] if one["name"] == mount["name"])
    assert volume["secret"]["defaultMode"] == 0o440
    guide = GUIDE.read_text()
    assert f"generic {volume['secret']['secretName']} --namespace cleanse --from-file={place.name}" in guide


def test_docker_compose_takes_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed")
    secrets = dict.fromkeys(("POSTGRES_PASSWORD", "VALKEY_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"), "x")
    command = [docker, "compose", "--file", str(DEPLOY / "compose.yaml"), "--profile", "cpu", "config", "--quiet"]
    subprocess.run(command, env={"PATH": "/usr/bin:/bin:/usr/local/bin", **secrets}, check=True)


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


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, set[str]]]:
    """Every metric that there is, with its labels and their values."""
    store = open_store(Settings(home=tmp_path_factory.mktemp("home"), database_url=None))
    with store.write() as session:
        workers.register(session, worker_id="s", queue=SWEEPER, pid=1, host="h", version="v", slots=1)
    found: dict[str, dict[str, set[str]]] = {"up": {"job": {"cleanse"}}, "cleanse_oldest_queued_seconds": {}}
    for family in text_string_to_metric_families(Metrics(store).text().decode()):
        for sample in family.samples:
            for label, value in sample.labels.items():
                found.setdefault(sample.name, {}).setdefault(label, set()).add(value)
            found.setdefault(sample.name, {})
    store.close()
    return found


def expressions() -> list[str]:
    dashboard = json.loads((DEPLOY / "monitoring" / "dashboard.json").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yaml").read_text())["groups"]
    return [*shown, *(rule["expr"] for group in rules for rule in group["rules"])]


@pytest.mark.parametrize("expression", expressions())
def test_prometheus_can_read_what_dashboard_and_alerts_ask_for(expression: str) -> None:
    assert promql_parser.parse(re.sub(r"\$__\w+", "5m", expression)) is not None


@pytest.mark.parametrize("expression", expressions())
def test_what_dashboard_and_alerts_ask_for_is_measured(
    expression: str, samples: dict[str, dict[str, set[str]]]
) -> None:
    asked = re.findall(r"\b(cleanse_\w+|up)\b(?:\{([^}]*)\})?", expression)
    assert asked
    for name, selector in asked:
        assert name in samples
        for label, values in re.findall(r'(\w+)=~?"([^"]*)"', selector):
            assert set(values.split("|")) <= samples[name][label]
    for name, grouped in re.findall(r"by \((\w+)\) \((?:\w+\()?(\w+)", expression):
        assert name in samples[grouped]


def test_every_alert_is_explained_to_who_is_woken() -> None:
    rules = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yaml").read_text())["groups"][0]["rules"]
    guide = GUIDE.read_text()
    assert all(f"| {rule['alert']} |" in guide for rule in rules)
