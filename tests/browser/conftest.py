"""The whole service on this machine (broker, workers, HTTP), and a real browser without a head before it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from nc_tasks.embedded.client import attach, down
from nc_tasks.settings import Settings

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_SECONDS = 60.0


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        told = f"no browser: none of {', '.join(NAMES)} is installed"
        pytest.fail(told) if os.environ.get("CI") == "true" else pytest.skip(told)
    with sync_playwright() as playwright:
        # Without its sandbox: containers, in which this runs, forbid what that is made of.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service; planted: a folder with badnet.keras, whose label 6 has a backdoor, and clean.npz."""

    url: str
    settings: Settings
    planted: Path


@pytest.fixture(scope="session")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:  # noqa: ARG001
    """The stack, the API and a planted net; without a browser nothing of it is started."""
    folder = tmp_path_factory.mktemp("planted")
    subprocess.run([sys.executable, "-m", "tests.browser.plant", str(folder)], cwd=ROOT, check=True)
    settings = Settings(home=tmp_path_factory.mktemp("home"), api_port=0)
    try:
        with attach(settings, workers=1, slots=4), _api(settings) as url:
            yield Service(url=url, settings=settings, planted=folder)
    finally:
        down(settings)


@contextmanager
def _api(settings: Settings) -> Iterator[str]:
    environment = {**os.environ, **settings.environment()}
    process = subprocess.Popen([sys.executable, "-m", "api.service"], cwd=ROOT, env=environment)
    try:
        yield _address(settings, process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _address(settings: Settings, process: subprocess.Popen[bytes]) -> str:
    """The address once the service answers there."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the service has ended at its start"
        if settings.api_file.exists():
            url = str(json.loads(settings.api_file.read_text())["url"])
            try:
                if httpx.get(f"{url}/healthz", trust_env=False).status_code == 200:
                    return url
            except httpx.TransportError:
                pass
        time.sleep(0.1)
    raise TimeoutError(f"the service did not answer within {START_SECONDS:g} s")


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, service: Service) -> Iterator[Open]:
    """Opens an address in a window of its own; nothing may be said on a console, and no script may fail."""
    complaints: list[str] = []
    contexts = []

    def open_page(address: str, *, dark: bool = False, width: int = 1280, script: bool = True) -> Page:
        context = browser.new_context(
            base_url=service.url,
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 900},
            java_script_enabled=script,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def keep_screenshot(page: Page, name: str) -> None:
    """Keep a picture of the whole page under build/screenshots."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def serious_findings(page: Page) -> list[str]:
    """What axe calls serious or critical on the page as it stands."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {rule['nodes'][0]['html'][:200]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
