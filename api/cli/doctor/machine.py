"""This machine: where files go, memory, the device, and whether untrusted files can be read in confinement."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil

from api.cli.doctor.check import Check, fail, ok, warn
from nc_core.errors import QuarantineFailed
from nc_core.quarantine.limits import for_model
from nc_core.quarantine.process import UNCONFINED, run
from nc_core.results.numbers import byte_size, count
from nc_tasks.capacity import default_workers, processors
from nc_tasks.settings import Settings

GIB = 2**30
LITTLE_DISK, LEAST_DISK = 5 * GIB, GIB // 2
LITTLE_MEMORY, LEAST_MEMORY = 3 * GIB, GIB
GPUS = Path("/proc/driver/nvidia/gpus")


def checks(settings: Settings) -> Iterator[Check]:
    """What does not depend on any server."""
    yield disk(settings)
    yield memory(psutil.virtual_memory().available)
    yield device()
    yield quarantine()


def disk(settings: Settings) -> Check:
    """Room under home, or where home will be made."""
    place = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    if not os.access(place, os.W_OK):
        return fail("disk", f"{settings.home} cannot be written to", "choose another home, or mend its permissions")
    free = shutil.disk_usage(place).free
    found = f"{byte_size(free)} free at {settings.home}"
    if free < LEAST_DISK:
        return fail("disk", found, f"free some: results may not be written below {byte_size(LEAST_DISK)}")
    if free < LITTLE_DISK:
        return warn("disk", found, "free some, or delete what is no longer needed")
    return ok("disk", found)


def memory(available: int) -> Check:
    """Memory for label workers. available: bytes."""
    found = f"{byte_size(available)} available"
    if available < LEAST_MEMORY:
        return fail("memory", found, f"end other programs: a worker needs at least {byte_size(LEAST_MEMORY)}")
    if available < LITTLE_MEMORY:
        return warn("memory", found, "small nets alone will be scanned; `cleanse estimate` says what one needs")
    return ok("memory", found)


def device() -> Check:
    """What label workers of this machine will compute on, as far as can be seen without TensorFlow."""
    gpus = len(list(GPUS.iterdir())) if GPUS.is_dir() else 0
    cores = count(len(processors()), "processor")
    if not gpus:
        return ok("device", f"{cores}, no GPU; {count(default_workers(), 'label worker')} unless asked otherwise")
    if find_spec("nvidia") is None:
        found = f"{count(gpus, 'GPU')}, but TensorFlow is installed for processors alone"
        return warn("device", found, "make setup EXTRA=gpu")
    return ok("device", f"{count(gpus, 'GPU')}, {cores}")


def quarantine() -> Check:
    """Have a child read an empty file: it refuses that, if it could be confined."""
    try:
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output:
            order = {"kind": "model", "name": "empty.h5", "reading": {}}
            ended = run(order, source, output, for_model(0))
    except QuarantineFailed as error:
        return fail("intake", str(error), "mend the installation: make setup")
    answer = ended.answer
    if answer is None or answer.outcome != "refused":
        said = answer.text if answer else ended.complaint
        return fail(
            "intake",
            f"untrusted files cannot be read in confinement: {said}",
            "use Linux with seccomp (x86-64 or ARM64)",
        )
    if os.environ.get(UNCONFINED) == "1":
        return warn("intake", "the reader of untrusted files may run unconfined", f"unset {UNCONFINED}")
    return ok("intake", "untrusted files are read in a confined process")
