"""How many workers and labels suit a machine."""

from pathlib import Path

import psutil
import pytest

from nc_core.profiles import SLOTS_ON_CPU, SLOTS_ON_GPU
from nc_tasks import capacity
from nc_tasks.settings import Settings


@pytest.mark.parametrize(
    ("cores", "gibibytes", "workers"), [(2, 24, 2), (2, 8, 1), (16, 32, 5), (1, 64, 1), (64, 512, 8)]
)
def test_as_many_label_workers_as_processors_and_memory_bear(
    monkeypatch: pytest.MonkeyPatch, cores: int, gibibytes: int, workers: int
) -> None:
    memory = psutil.virtual_memory()._replace(total=gibibytes * 2**30)
    monkeypatch.setattr(capacity, "processors", lambda: list(range(cores)))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert capacity.default_workers() == workers


@pytest.mark.parametrize(("gpu", "slots"), [(False, SLOTS_ON_CPU), (True, SLOTS_ON_GPU)])
def test_labels_of_a_worker_are_as_set_or_what_suits_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu: bool, slots: int
) -> None:
    monkeypatch.setattr(capacity, "_has_gpu", lambda: gpu)
    assert capacity.slots_of(Settings(home=tmp_path)) == slots
    assert capacity.slots_of(Settings(home=tmp_path, worker_slots=3)) == 3
