"""How many workers and labels suit a machine."""

from importlib.metadata import PackageNotFoundError
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


@pytest.mark.parametrize(
    ("device", "installed", "variable", "found"),
    [
        ("nvidia0", "tensorflow", None, True),
        ("nvidia0", "tensorflow", "0", True),
        ("nvidia0", "tensorflow-cpu", None, False),
        ("nvidia0", "tensorflow", "", False),
        ("nvidia0", "tensorflow", "-1", False),
        ("nvidiactl", "tensorflow", None, False),
    ],
)
def test_a_gpu_counts_where_workers_would_compute_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, installed: str, variable: str | None, found: bool
) -> None:
    def version(name: str) -> str:
        if name != installed:
            raise PackageNotFoundError(name)
        return "2"

    monkeypatch.setattr(capacity, "DEVICES", tmp_path)
    monkeypatch.setattr(capacity, "version", version)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if variable is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    (tmp_path / device).touch()
    assert capacity.slots_of(Settings(home=tmp_path)) == (SLOTS_ON_GPU if found else SLOTS_ON_CPU)
