"""Dashboard and alerts ask for what is measured."""

import json
import re

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from api.service.metrics import Metrics
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.queries.measures import SWEEPER
from nc_tasks.store.rows import workers
from tests.deploy.conftest import DEPLOY, GUIDE


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
