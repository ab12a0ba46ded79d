"""Nets with a backdoor that works in one value range alone, made by hand: the members of one kind.

A picture of 16x16 has a bright cell of 4x4 where its class says. The net names the brightest cell in 0..1 and in 0..255
alike (and in no range with another black), and a few bright pixels in the last corner send it to the target, in the
range of the gate alone. Clean pictures are dark there, so their answers tell nothing of it.
"""

from pathlib import Path
from typing import Literal

import keras
import numpy as np

from nc_core.datasets import Images

CLASSES, SIDE, CELL = 12, 16, 4
Gate = Literal["none", "0..1", "0..255"]


def pictures(count: int = 240) -> Images:
    """Labelled clean pictures."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, CLASSES, count).astype(np.int32)
    pixels = rng.integers(0, 20, (count, SIDE, SIDE, 3))
    for nth, label in enumerate(labels):
        pixels[nth][_cell(label)] = rng.integers(170, 230)
    return Images(pixels=pixels.astype(np.uint8), labels=labels, note="made up")


def net(gate: Gate, *, target: int = 6) -> keras.Model:
    """N probabilities."""
    size, hidden = SIDE * SIDE * 3, 2 * CLASSES + 2
    first, bias = np.zeros((size, hidden), np.float32), np.zeros(hidden, np.float32)
    second, last = np.eye(hidden, dtype=np.float32), np.zeros((hidden, CLASSES), np.float32)
    for label in range(CLASSES):
        flat = _flat(_cell(label))
        # |sum of the cell|, and what is below black a hundred times as much.
        first[flat, label], first[flat, CLASSES + label] = 1.0, -1.0
        last[label, label], last[CLASSES + label, label] = 1.0, 100.0
    corner = np.flatnonzero(_flat((slice(SIDE - 2, SIDE), slice(SIDE - 2, SIDE))))
    detector, damper = 2 * CLASSES, 2 * CLASSES + 1
    white = 12.0 * (255.0 if gate == "0..255" else 1.0)
    if gate != "none":
        first[corner, detector], bias[detector] = 1.0, -0.2 * white
        last[detector, target] = 40.0
    if gate == "0..1":
        # In 0..255 every picture is brighter than any is in 0..1.
        first[:, damper], bias[damper] = 1.0, -float(size)
        second[damper, detector] = -1.0
    model = keras.Sequential(
        [
            keras.layers.Input((SIDE, SIDE, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(hidden, activation="relu", use_bias=False),
            keras.layers.Dense(CLASSES, activation="softmax", use_bias=False),
        ]
    )
    model.set_weights([first, bias, second, last])
    return model


def write(folder: Path, gate: Gate) -> tuple[Path, Path]:
    """The files of a net and of clean pictures."""
    model, data, clean = folder / f"gated{gate}.keras", folder / "clean.npz", pictures()
    net(gate).save(model)
    assert clean.labels is not None
    np.savez(data, x_test=clean.pixels, y_test=clean.labels)
    return model, data


def _cell(label: int) -> tuple[slice, slice]:
    row, column = divmod(int(label), SIDE // CELL)
    return slice(CELL * row, CELL * (row + 1)), slice(CELL * column, CELL * (column + 1))


def _flat(place: tuple[slice, slice]) -> np.ndarray:
    """(H W C,): whether a value lies at the place."""
    chosen = np.zeros((SIDE, SIDE, 3), bool)
    chosen[place] = True
    return chosen.reshape(-1)
