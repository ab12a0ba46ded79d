"""The whole service on this machine, as `cleanse up` starts it, and a real browser without a head before it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


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
    planted: Path


@pytest.fixture(scope="session")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:  # noqa: ARG001
    """A planted net, and everything that `cleanse up` starts; without a browser nothing of it is."""
    folder, home = tmp_path_factory.mktemp("planted"), tmp_path_factory.mktemp("home")
    subprocess.run([sys.executable, "-m", "tests.browser.plant", str(folder)], cwd=ROOT, check=True)
    with up(home) as url:
        yield Service(url=url, planted=folder)


@contextmanager
def up(home: Path) -> Iterator[str]:
    """`cleanse up` under this home, until the end of the block; the address that it prints."""
    cleanse = Path(sys.executable).with_name("cleanse")
    command = [str(cleanse), "up", "--home", str(home), "--port", "0", "--workers", "1"]
    environment = {**os.environ, "CLEANSE_WORKER_SLOTS": "4"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        found = re.match(r"Cleanse +(http://\S+)/$", process.stdout.readline())
        assert found is not None, "cleanse up did not say where it is"
        yield found[1]
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stdout.close()


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
