"""The program of a worker: it asks Celery for what Celery's own command would ask."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from celery.bin.worker import worker as celery_command
from celery.utils.log import mlevel

from nc_tasks.embedded.clients import Wanted
from nc_tasks.embedded.commands import worker_commands
from nc_tasks.settings import Settings
from nc_tasks.worker import __main__ as program

STARTED = {command.name: command.arguments[4:] for command in worker_commands(Settings(), Wanted(workers=1, slots=5))}


@pytest.mark.parametrize("name", ["labels1", "control"])
def test_a_worker_is_what_celerys_command_makes_of_the_same_options(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given the options that a stack starts this worker with, as Celery reads them
    line = [*STARTED[name], "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    wanted = celery_command.make_context("worker", line, obj=SimpleNamespace(app=program.app)).params
    made: dict[str, Any] = {}

    class Recorded:
        exitcode = 7

        def __init__(self, **options: Any) -> None:
            made.update(options)

        def start(self) -> None:
            pass

    monkeypatch.setattr(program.app, "Worker", Recorded)
    # When our program is given them, then the worker is the same, and its exit code is handed on
    assert program.main([*STARTED[name], "--include", "more.tasks"]) == 7
    assert made.pop("include") == ["more.tasks"]
    modules = {"threads": "celery.concurrency.thread", "prefork": "celery.concurrency.prefork"}
    assert wanted.pop("pool").__module__ == modules[made.pop("pool")]
    assert wanted.pop("loglevel") == mlevel(made.pop("loglevel"))
    assert {option: wanted[option] for option in made} == made


def test_a_worker_does_not_load_the_commands_of_celery_nor_flower() -> None:
    program = (
        "import sys, nc_tasks.worker.__main__, nc_tasks.tasks, celery.apps.worker; "
        "print([name for name in ('celery.bin', 'flower', 'tornado', 'tensorflow') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"
