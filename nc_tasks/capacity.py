"""How many label workers, and labels in each, suit this machine."""

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from nc_core.profiles import SLOTS_ON_CPU, SLOTS_ON_GPU
from nc_tasks.settings import Settings

WORKER_MEMORY = 6 * 2**30
"""Bytes of a machine's memory for each label worker that nobody asked for."""
MOST_WORKERS = 8
DEVICES = Path("/dev")


def default_workers() -> int:
    """Label workers that suit this machine: one a processor while each has memory enough, one alone for a GPU.

    Small operations do not fill two processors: two workers of one thread each did 1.3 to 1.6 times what one of two did
    (twelve labels of a GTSRB net; screening the face net).
    """
    if _has_gpu():
        return 1
    most = psutil.virtual_memory().total // WORKER_MEMORY
    return int(max(1, min(len(processors()), most, MOST_WORKERS)))


def slots_of(settings: Settings) -> int:
    """Labels that each worker holds at a time: as set, else what suits this machine."""
    return settings.worker_slots or (SLOTS_ON_GPU if _has_gpu() else SLOTS_ON_CPU)


def _has_gpu() -> bool:
    """Whether there is a GPU that workers would compute on, as far as can be seen without TensorFlow."""
    return _visible() and _built_for_gpus() and any(DEVICES.glob("nvidia[0-9]*"))


def _visible() -> bool:
    """Whether the variable that hides GPUs from CUDA leaves any."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() not in ("", "-1")


def _built_for_gpus() -> bool:
    """Whether TensorFlow is the one for GPUs (`make setup EXTRA=gpu`), and not `tensorflow-cpu` alone."""
    try:
        version("tensorflow")
    except PackageNotFoundError:
        return False
    return True


def processors() -> list[int]:
    """Processors that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
