"""Flower's pages in a browser, as the service passes them on: one label's job is found by search."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from playwright.sync_api import expect

from nc_tasks.embedded.broker import broker_url
from nc_tasks.embedded.flower import flower_arguments
from nc_tasks.embedded.processes import wait_until
from tests.browser.conftest import ROOT, Open, Service, keep_screenshot
from tests.browser.plant import TARGET

START_SECONDS, SCAN_SECONDS = 60.0, 300.0
FILES = {"model": "badnet.keras", "data": "clean.npz"}


@contextmanager
def flower(service: Service) -> Iterator[None]:
    """Flower beside the service's stack, reached through the service."""
    settings = service.settings
    environment = {**os.environ, **settings.environment(), "CLEANSE_REDIS_URL": broker_url(settings)}
    process = subprocess.Popen(flower_arguments(settings), cwd=ROOT, env=environment)
    try:
        with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as client:
            assert wait_until(lambda: client.get("/flower/workers").status_code == 200, START_SECONDS)
        yield
    finally:
        process.terminate()
        process.wait(20)


def scanned(service: Service) -> str:
    """The id of a scan of five labels, the planted one among them, that has ended."""
    options = json.dumps({"labels": f"{TARGET - 2}-{TARGET + 2}", "mitigate": "none"})
    files = {name: (service.planted / file).open("rb") for name, file in FILES.items()}
    with httpx.Client(base_url=service.url, trust_env=False, timeout=60) as client:
        made = client.post("/v1/submissions", files=files, data={"options": options})
        assert made.is_success, made.text
        path = f"/v1/submissions/{made.json()['id']}"
        assert wait_until(lambda: client.get(path).json()["state"] == "done", SCAN_SECONDS)
    for file in files.values():
        file.close()
    return str(made.json()["id"])


def test_given_a_scan_when_flower_is_searched_then_one_row_shows_the_label_with_norm_and_index(
    open_page: Open, service: Service
) -> None:
    with flower(service):
        # Given
        submission = scanned(service)
        # When
        page = open_page("/flower/tasks")
        search = f"kwargs:submission={submission} kwargs:label={TARGET} kwargs:round=0"
        page.locator("input[type=search]").fill(search)
        # Then
        rows = page.locator("#tasks-table tbody tr")
        expect(rows).to_have_count(1, timeout=30_000)
        told = re.compile(rf"done · norm \d+\.\d · anomaly index \d+\.\d · label {TARGET} of 16 · badnet\.keras")
        expect(rows).to_contain_text(told)
        keep_screenshot(page, "flower")
