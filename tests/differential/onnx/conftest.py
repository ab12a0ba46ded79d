"""Says at the end how much was compared."""

from typing import Any

import pytest

from tests.differential.onnx.compare import COUNT


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes of tests hands its counts on."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["onnx"] = [COUNT.files, COUNT.images, COUNT.apart]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    if counts := getattr(node, "workeroutput", {}).get("onnx"):
        files, images, apart = counts
        COUNT.files, COUNT.images, COUNT.apart = COUNT.files + files, COUNT.images + images, max(COUNT.apart, apart)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if COUNT.files:
        terminalreporter.write_line(COUNT.told())
