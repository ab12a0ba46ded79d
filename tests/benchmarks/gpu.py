"""What a GPU makes of slots, XLA and bfloat16, on a net of 43 labels and one of 1283, in at most five minutes.

    make benchmark-gpu
    python -m tests.benchmarks.gpu [--record]
    python -m tests.benchmarks.gpu --cpu

First both nets are scanned as the product does it. Then the batched program runs full for each number of slots, with
and without XLA, in float32 and in bfloat16: seconds until its first step, gradient images a second, and the share of
time in which the device ran a kernel, from a trace of a few steps more. The nets are those of ../shared; where that
is missing, nets of the same shape with random weights, whose scans say nothing but how long they take. What the five
minutes leave no time for is named. --cpu tries the same way in a small part on processors.
"""

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import keras

from nc_core.errors import OutOfDeviceMemory
from nc_core.inversion import ALL_PROFILES, FAST, Inverter
from nc_core.inversion.backend import on_gpu, on_tensorflow
from nc_core.models import Compute
from nc_core.profiles import SLOTS_ON_CPU, SLOTS_ON_GPU
from nc_core.scanning.budget import Budget
from nc_core.scanning.in_process import invert_rounds
from nc_core.scanning.rounds import plan
from tests.benchmarks import record
from tests.benchmarks.gpu_nets import Subject, subjects
from tests.benchmarks.kernels import share_in_kernels

MOST_SECONDS = 280.0
"""Of all that is measured; a trace that has begun is waited for."""
SCAN_SHARE = 0.25
"""Of that, for each scan."""
CELL_SECONDS = 2.0
"""Of steps of one cell, the first step left out."""
TRACED_STEPS = 3
SLOTS = (4, 16, 64, 256, 1283)
ARITHMETICS: tuple[tuple[bool, Compute], ...] = (
    (True, "float32"),
    (False, "float32"),
    (True, "bfloat16"),
    (False, "bfloat16"),
)
"""XLA or not, and what the net computes in; the product's own first."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is measured. seconds: in all. slots: numbers of slots. scanned: labels of a scan, None for all. of_scan:
    slots of a scan.
    """

    seconds: float
    slots: tuple[int, ...]
    scanned: int | None
    of_scan: int


ON_GPU = Limits(seconds=MOST_SECONDS, slots=SLOTS, scanned=None, of_scan=SLOTS_ON_GPU)
ON_CPU = Limits(seconds=2 * MOST_SECONDS, slots=(SLOTS_ON_CPU,), scanned=2, of_scan=SLOTS_ON_CPU)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """One cell. first: seconds until its first step was done, tracing and compiling included. images: gradient images
    a second. busy: share of time in kernels, None where no trace says.
    """

    first: float
    images: float
    busy: float | None


@contextmanager
def xla(on: bool) -> Iterator[None]:
    """Programs that are made in the block go through XLA, or not."""
    usual = on_tensorflow.through_xla
    on_tensorflow.through_xla = lambda: on
    try:
        yield
    finally:
        on_tensorflow.through_xla = usual


def scan(subject: Subject, limits: Limits) -> tuple[float, int, int]:
    """All that is done with the labels. Returns seconds, gradient images, and labels that ended in time."""
    labels = range(subject.classes if limits.scanned is None else limits.scanned)
    inverters: dict[str, Inverter] = {}

    def inverter_of(profile: str) -> Inverter:
        if profile not in inverters:
            inverters[profile] = subject.inverter(ALL_PROFILES[profile], limits.of_scan, "float32")
        return inverters[profile]

    begin = time.perf_counter()
    found = invert_rounds(
        inverter_of,
        plan(labels, profile="fast", seed=0),
        slots=min(limits.of_scan, len(labels)),
        seed=0,
        classes=subject.classes,
        pixels=subject.pixels,
        alpha=0.05,
        budget=Budget(minutes=SCAN_SHARE * limits.seconds / 60),
    ).values()
    ended = sum(one.state != "cancelled" for one in found)
    return time.perf_counter() - begin, sum(one.gradient_images for one in found), ended


def rate(inverter: Inverter, classes: int) -> Rate:
    """Of the batched program with all its slots full; raises OutOfDeviceMemory."""
    loop, numbers = inverter.loop, count()

    def step() -> None:
        while loop.free:
            number = next(numbers)
            loop.admit(inverter.job(number % classes, seed=number))
        loop.step()

    begin = time.perf_counter()
    step()
    first, steps, begin = time.perf_counter() - begin, 0, time.perf_counter()
    while time.perf_counter() - begin < CELL_SECONDS or steps < TRACED_STEPS:
        step()
        steps += 1
    images = steps * FAST.updates_per_step * FAST.batch * loop.slots / (time.perf_counter() - begin)

    def traced() -> None:
        for _ in range(TRACED_STEPS):
            step()

    return Rate(first=first, images=images, busy=share_in_kernels(traced))


def cells(subject: Subject, limits: Limits, until: float) -> Iterator[list[record.Cell]]:
    """Rows of the table of one net: slots, XLA, compute, seconds to the first step, images a second, share in %."""
    for through, compute in ARITHMETICS:
        with xla(through):
            program: Inverter | None = None
            for slots in sorted({min(slots, subject.classes) for slots in limits.slots}):
                named: list[record.Cell] = [slots, "yes" if through else "no", compute]
                if time.monotonic() > until:
                    print(f"{subject.name}, {named}: left out, the time was used up", flush=True)
                    continue
                program = program or subject.inverter(FAST, slots, compute)
                try:
                    found = rate(program.with_slots(slots), subject.classes)
                except OutOfDeviceMemory as error:
                    print(f"{subject.name}, {named}: {error}", flush=True)
                    continue
                busy = None if found.busy is None else round(100 * found.busy)
                yield [*named, round(found.first, 1), round(found.images), busy]


def measure(device: str, limits: Limits) -> tuple[list[list[record.Cell]], list[list[record.Cell]]]:
    """Print and return the rows of both tables."""
    begin, scans, programs = time.monotonic(), list[list[record.Cell]](), list[list[record.Cell]]()
    nets = list(subjects() if limits.scanned is None else subjects()[:1])
    print("net, device: labels that ended, seconds, gradient images a second")
    for subject in nets:
        seconds, images, ended = scan(subject, limits)
        scans.append([subject.name, device, ended, round(seconds, 1), round(images / seconds)])
        print(*scans[-1], sep="\t", flush=True)
    print("net, device, slots, XLA, compute: seconds to the first step, gradient images a second, % of time in kernels")
    for nth, subject in enumerate(nets, start=1):
        until = begin + limits.seconds * (1 - (len(nets) - nth) * SCAN_SHARE)
        for row in cells(subject, limits, until):
            programs.append([subject.name, device, *row])
            print(*programs[-1], sep="\t", flush=True)
    return scans, programs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cpu", action="store_true", help="a small part, on processors")
    record.add_option(parser)
    given = parser.parse_args()
    device = device_of(given.cpu)
    scans, programs = measure(device, ON_CPU if given.cpu else ON_GPU)
    note = f"load of the machine at its end: {os.getloadavg()[0]:.0f}"
    record.rows(given, "speed", "Scans by device", scans, note=note)
    record.rows(given, "speed", "The batched program by device", programs, note=note)


def device_of(cpu: bool) -> str:
    """What the figures are of: "processors", or the name of the GPU. Ends the program where there is no GPU."""
    if keras.backend.backend() != "tensorflow":
        raise SystemExit(f"Keras runs on {keras.backend.backend()}: this measures TensorFlow; leave KERAS_BACKEND out")
    import tensorflow

    if cpu:
        tensorflow.config.set_visible_devices([], "GPU")
        return "processors"
    if not on_gpu():
        raise SystemExit(
            f"TensorFlow {tensorflow.__version__} finds no GPU here: where there is one, `make setup EXTRA=gpu` "
            "installs what it takes; --cpu tries a small part on processors"
        )
    gpus: Any = tensorflow.config.list_physical_devices("GPU")
    return str(tensorflow.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))


if __name__ == "__main__":
    main()
