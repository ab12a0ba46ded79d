"""What a worker process does when it starts."""

import threading

import pytest
from celery.signals import worker_ready

from nc_tasks import worker


@pytest.mark.parametrize(
    ("queue", "warm_up", "loaded"),
    [("labels", "true", ["nc_core.ready"]), ("labels", "false", []), ("control", "true", [])],
)
def test_only_a_label_worker_loads_the_inversion_when_it_starts(
    queue: str, warm_up: str, loaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker of this queue
    monkeypatch.setenv("CLEANSE_QUEUE", queue)
    monkeypatch.setenv("CLEANSE_WARM_UP", warm_up)
    asked: list[str] = []
    monkeypatch.setattr(worker, "import_module", asked.append)
    # When Celery says that it is ready
    worker_ready.send(sender=None)
    for thread in threading.enumerate():
        if thread.name == "warm-up":
            thread.join()
    # Then it loads what the first label would wait for, or nothing
    assert asked == loaded
