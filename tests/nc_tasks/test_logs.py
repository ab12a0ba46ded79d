"""What a line of a log says of itself."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nc_tasks import logs
from nc_tasks.settings import Settings


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, as it was before afterwards, in a thread that is at nothing."""
    logs.end_task()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = before, level


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.usefixtures("root")
def test_given_json_then_each_line_of_a_task_says_what_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json"))
    log = logging.getLogger("nc_tasks.test")

    def task(label: int) -> None:
        logs.begin_task(kwargs={"submission": "abc", "label": label, "round": 1, "other": "x"})
        log.info("claimed")
        logs.note(attempt=label + 1)
        try:
            raise ValueError("broken\nin two lines")
        except ValueError:
            log.exception("failed")
        logs.end_task()
        log.info("idle")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(task, 7).result()
    claimed, failed, idle = lines(capsys)
    assert (claimed["submission"], claimed["label"], claimed["round"]) == ("abc", 7, 1)
    assert (claimed["level"], claimed["logger"], claimed["message"]) == ("INFO", "nc_tasks.test", "claimed")
    assert "attempt" not in claimed
    assert (failed["label"], failed["attempt"]) == (7, 8)
    assert "broken\nin two lines" in failed["exc_info"]
    assert {"submission", "label", "attempt", "other"}.isdisjoint(idle)
    assert idle["time"] >= claimed["time"]


@pytest.mark.usefixtures("root")
def test_given_celery_s_own_line_about_a_message_then_it_says_so_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json"))
    arguments = repr({"submission": "0123456789ab", "label": 42, "round": 0})
    logging.getLogger("celery").info("Task received", extra={"data": {"kwargs": arguments, "name": "x"}})
    (line,) = lines(capsys)
    assert (line["submission"], line["label"], line["round"]) == ("0123456789ab", 42, 0)


@pytest.mark.usefixtures("root")
def test_given_text_then_lines_stay_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings())
    logging.getLogger("nc_tasks.test").warning("careful")
    assert capsys.readouterr().err.endswith("WARNING careful\n")


def test_given_json_when_a_worker_starts_then_celery_s_lines_are_json_alike(tmp_path: Path) -> None:
    environment = {**Settings(home=tmp_path, log_format="json").environment(), "CLEANSE_REDIS_URL": "memory://"}
    program = (
        "import os, sys; os.environ.update(eval(sys.argv[1]));"
        "from nc_tasks.messages.app import app; app.log.setup('INFO');"
        "import logging; logging.getLogger('celery.worker').info('ready')"
    )
    ran = subprocess.run([sys.executable, "-c", program, repr(environment)], capture_output=True, text=True, check=True)
    (line,) = ran.stderr.splitlines()
    assert json.loads(line)["message"] == "ready"
