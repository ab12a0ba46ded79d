"""The files of the deployment, as they are read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

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
