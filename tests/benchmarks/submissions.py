"""What a submission costs beside its labels: different small models in a row, against one worker that stays up.

    python -m tests.benchmarks.submissions [--models 20] [--epochs 3] [--record]

Trains small nets on drawn traffic signs, each of its own shape, and scans a few labels of each with `cleanse run
--mitigate none --workers 1` under one home, as a user would. What is beyond the labels is the time from the submission
to its end, as its result says, without the seconds that all that is done with the same labels takes in this process
with programs that are already compiled, measured right after it; and likewise the processor time of the workers. What
the command itself needs to start and to write its folder comes on top.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from nc_core.datasets import traffic_signs
from nc_core.inversion import PROFILES, Inverter
from nc_core.scanning.in_process import invert_rounds
from nc_core.scanning.preparation import Preparation, prepare_scan
from nc_core.scanning.scan import plan_of
from nc_tasks.request.label_ranges import parse_labels
from tests.benchmarks import record
from tests.benchmarks.stack import Stack

CLEANSE = str(Path(sys.executable).with_name("cleanse"))
PER_CLASS = 200
HELD_OUT = 500
WIDTHS = range(8, 64, 2)
LABELS = "0-3"
"""Of each net: what is beside them does not grow with them, and stands out from the noise of a few."""
VALUE_RANGE = "0..1"
"""What the nets learn from; of some it cannot be told from another, and they would be scanned twice."""


def small_net(input_shape: tuple[int, ...], classes: int, *, width: int) -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input(input_shape),
            layers.Conv2D(width, 3, strides=2, activation="relu"),
            layers.Conv2D(2 * width, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def write_inputs(folder: Path, models: int, epochs: int) -> tuple[Path, list[Path]]:
    """Clean data, and so many different models of it."""
    pixels, labels = traffic_signs.draw_signs(per_class=PER_CLASS, seed=0)
    order = np.random.default_rng(0).permutation(len(pixels))
    held_out, train = order[:HELD_OUT], order[HELD_OUT:]
    data = folder / "clean.npz"
    np.savez(data, x_test=pixels[held_out], y_test=labels[held_out])
    paths = []
    for number, width in zip(range(models), WIDTHS, strict=False):
        keras.utils.set_random_seed(number)
        net = small_net(pixels.shape[1:], int(labels.max()) + 1, width=width)
        net.compile(optimizer=keras.optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy")
        net.fit(pixels[train] / np.float32(255), labels[train], epochs=epochs, verbose=0)
        paths.append(folder / f"net{number}.keras")
        net.save(paths[-1])
    return data, paths


class Cost(NamedTuple):
    """seconds: by the clock. processor: seconds that all processors have given to it."""

    seconds: float
    processor: float


def service_cost(model: Path, data: Path, stack: Stack, out: Path) -> tuple[Cost, float]:
    """From submission to end, with the workers' processor time; and the seconds of the command beside that."""
    options = ("--mitigate", "none", "--workers", "1", "--labels", LABELS, "--value-range", VALUE_RANGE)
    spent, begin = stack.spent(), time.perf_counter()
    ran = subprocess.run(
        [CLEANSE, "run", model, "--data", data, *options, "--home", stack.home, "--out", out],
        capture_output=True,
        text=True,
    )
    if ran.returncode not in (0, 3, 4):
        raise SystemExit(ran.stderr)
    whole = time.perf_counter() - begin
    served = json.loads((out / "result.json").read_text())["timing"]["total_seconds"]
    return Cost(served, stack.spent() - spent), whole - served


def labels_cost(model: Path, data: Path) -> Cost:
    """All that is done with the labels, in this process, whose programs a first time has compiled."""
    preparation = prepare_scan(
        model, data, profile=PROFILES["fast"], labels=parse_labels(LABELS), value_range=VALUE_RANGE
    )
    rounds, inverter_of = plan_of(preparation, profile="fast", seed=0), _inverters(preparation)
    height, width, _ = preparation.canonical.input_shape
    for _ in ("compiled", "timed"):
        spent, begin = time.process_time(), time.perf_counter()
        invert_rounds(
            inverter_of,
            rounds,
            slots=preparation.slots,
            seed=0,
            classes=preparation.canonical.classes,
            pixels=height * width,
            alpha=0.05,
        )
    return Cost(time.perf_counter() - begin, time.process_time() - spent)


def _inverters(preparation: Preparation) -> Callable[[str], Inverter]:
    return cache(partial(preparation.inverter, preparation.data()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=3)
    record.add_option(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cleanse-submissions-") as name:
        folder = Path(name)
        stack = Stack(checkout=record.ROOT, home=folder / "home")
        data, models = write_inputs(folder, given.models, given.epochs)
        beyond, commands = list[Cost](), list[float]()
        try:
            for number, model in enumerate(models):
                served, command = service_cost(model, data, stack, folder / f"out{number}")
                alone = labels_cost(model, data)
                beyond.append(Cost(served.seconds - alone.seconds, served.processor - alone.processor))
                commands.append(command)
                print(
                    f"model {number}: {served.seconds:.2f} s in the service, {alone.seconds:.2f} s of labels: "
                    f"{beyond[-1].seconds:.2f} s beside them, {beyond[-1].processor:.2f} s of processors; "
                    f"{command:.2f} s of the command itself",
                    flush=True,
                )
        finally:
            stack.down()
    rows = _rows(beyond, commands)
    for row in rows:
        print(*row, sep="\t")
    note = f"{given.models} nets; load of the machine at its end: {os.getloadavg()[0]:.0f}"
    record.rows(given, "service", "Small models one after the other", rows, note=note)


def _rows(beyond: list[Cost], commands: list[float]) -> list[list[record.Cell]]:
    first, *rest = beyond
    seconds, processor = [one.seconds for one in rest], [one.processor for one in rest]
    return [
        [what, round(by_clock, 2), None if of_processors is None else round(of_processors, 2)]
        for what, by_clock, of_processors in (
            (
                "median from submission to end, beside the inversion",
                statistics.median(seconds),
                statistics.median(processor),
            ),
            ("least", min(seconds), min(processor)),
            ("most", max(seconds), max(processor)),
            ("the command itself, more", statistics.median(commands[1:]), None),
            ("the first model, which starts everything", first.seconds, first.processor),
        )
    ]


if __name__ == "__main__":
    main()
