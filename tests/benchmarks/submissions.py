"""What a submission costs beside its inversion: different small models in a row, against one worker that stays up.

    python -m tests.benchmarks.submissions [--models 20] [--epochs 3]

Trains small nets on drawn traffic signs, each of its own shape, and scans each with `cleanse run --mitigate none
--workers 1` under one home, as a user would. What is beyond the inversion is the time from the submission to its end,
as its result says, without the seconds that the same labels take in this process with a program that is already
compiled, measured right after it. What the command itself needs to start and to write its folder comes on top.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from nc_core.datasets import traffic_signs
from nc_core.detection import AGAIN, to_confirm
from nc_core.inversion import PROFILES
from nc_core.scanning.preparation import prepare_scan
from nc_core.scanning.rounds import plan
from nc_core.scanning.scan import norms_of
from tests.benchmarks import record

CLEANSE = str(Path(sys.executable).with_name("cleanse"))
PER_CLASS = 200
HELD_OUT = 500
WIDTHS = range(8, 64, 2)


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


def service_seconds(model: Path, data: Path, home: Path, out: Path) -> tuple[float, float]:
    """From submission to end, and of the command beside that."""
    options = ("--mitigate", "none", "--workers", "1", "--home", home, "--out", out)
    begin = time.perf_counter()
    ran = subprocess.run([CLEANSE, "run", model, "--data", data, *options], capture_output=True, text=True)
    if ran.returncode not in (0, 3, 4):
        raise SystemExit(ran.stderr)
    whole = time.perf_counter() - begin
    served = json.loads((out / "result.json").read_text())["timing"]["total_seconds"]
    return served, whole - served


def inversion_seconds(model: Path, data: Path) -> float:
    """Seconds of the whole scan in this process, whose programs a first scan has compiled."""
    preparation = prepare_scan(model, data, profile=PROFILES["fast"])
    prepared = preparation.data()
    rounds = plan(preparation.labels, profile="fast", seed=0)
    inverter = preparation.inverter(prepared, rounds.profile_of(0))
    inverter.invert(preparation.labels[:1], seed=99)
    again = inverter.with_slots(rounds.slots_of(1, preparation.slots))
    begin = time.perf_counter()
    found = {label: one for label, (one,) in inverter.invert(preparation.labels, seed=0).items()}
    again.invert(to_confirm(norms_of(found, rounds), flagged=(), confirmed=()), seed=0, starts=AGAIN)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=3)
    record.add_option(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cleanse-submissions-") as name:
        folder = Path(name)
        home = folder / "home"
        data, models = write_inputs(folder, given.models, given.epochs)
        beyond, commands = [], []
        try:
            for number, model in enumerate(models):
                served, command = service_seconds(model, data, home, folder / f"out{number}")
                alone = inversion_seconds(model, data)
                beyond.append(served - alone)
                commands.append(command)
                print(
                    f"model {number}: {served:.2f} s in the service, {alone:.2f} s of inversion: {beyond[-1]:.2f} s "
                    f"beside it; {command:.2f} s of the command itself",
                    flush=True,
                )
        finally:
            subprocess.run([CLEANSE, "down", "--home", home], check=True, stdout=subprocess.DEVNULL)
    rest = beyond[1:]
    print(
        f"the first took {beyond[0]:.2f} s beside its inversion, each later one {statistics.median(rest):.2f} s "
        f"(median; {min(rest):.2f} to {max(rest):.2f}), and the command itself {statistics.median(commands[1:]):.2f} s"
    )
    figures: list[list[record.Cell]] = [
        ["median from submission to end, beside the inversion", round(statistics.median(rest), 2)],
        ["least", round(min(rest), 2)],
        ["most", round(max(rest), 2)],
        ["the command itself, more", round(statistics.median(commands[1:]), 2)],
        ["the first model, which starts everything", round(beyond[0], 2)],
    ]
    record.rows(given, "service", "Small models one after the other", figures, note=f"{given.models} nets")


if __name__ == "__main__":
    main()
