"""The whole of the science on each of Keras' backends, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
BACKENDS = ("tensorflow", "jax")
TARGET = 3

SCAN = """
import sys, numpy as np
from nc_core.scanning.scan import save, scan
from nc_core.guard import guarded_pair
from nc_core.attacks import PatchTrigger, plant_patch
from nc_core.inversion import Predictor
from nc_core.models import build_logits

found = scan("badnet.keras", "clean.npz", labels=[1, 3, 5, 7], value_range="0..1")
flagged = found.detection.flagged_labels
print("VERDICT", found.detection.verdict, *flagged)
repair = found.repair()
modules = ("tensorflow", "nc_core.inversion.backend.on_tensorflow", "nc_core.inversion.backend.on_jax")
print("LOADED", *(name.split(".")[-1] for name in modules if name in sys.modules))
print("RATE", repair.reversed_attack_success_rate_before[3], repair.reversed_attack_success_rate_after[3])
x = np.load("clean.npz")["x"][:50].astype(np.float32) / 255
np.savez(
    sys.argv[2],
    good=Predictor(build_logits(repair.goodnet))(x),
    guarded=guarded_pair(found.preparation.canonical, repair.goodnet, flagged, threshold=1.0).predict(x, verbose=0),
)
rng = np.random.default_rng(0)
pixels, labels = rng.integers(0, 256, (40, 16, 16, 3)).astype(np.uint8), (np.arange(40) % 2).astype(np.int32)
sticker = PatchTrigger.at("bottom-right", input_shape=(16, 16, 3), size=4, colour=(255, 0, 0), target=1)
print("PLANTED", plant_patch(pixels, labels, sticker, classes=2, epochs=1).accuracy)
save(repair.goodnet, sys.argv[1])
"""

READ = """
import os, sys
if os.environ["KERAS_BACKEND"] == "jax":
    sys.modules["tensorflow"] = None  # as if it were not installed
import keras, numpy as np
from nc_core.intake import read_model
from nc_core.inversion import Predictor
from nc_core.models import build_logits
from nc_core.scanning.scan import save
from pathlib import Path
x = np.load("clean.npz")["x"][:50].astype(np.float32) / 255
plain = keras.models.load_model(sys.argv[1]).predict(x, verbose=0)
canonical = read_model(Path(sys.argv[1]))
np.savez(sys.argv[2], good=Predictor(build_logits(canonical))(x), plain=plain)
save(canonical, "again.keras")
"""

UNSUPPORTED = """
import keras
from nc_core.inversion import Predictor
Predictor(keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()]))
"""

MAKE = """
import keras, numpy as np
layers = keras.layers
centres = np.linspace(0.1, 0.9, 10)
image = keras.Input((12, 12, 3))
brightness = layers.Dense(10, name="brightness")
sticker = layers.Conv2D(1, 2, activation="relu", name="sticker")
backdoor = layers.Dense(10, use_bias=False, name="backdoor")
plain = brightness(layers.GlobalAveragePooling2D()(image))
scores = layers.Add()([plain, backdoor(layers.GlobalMaxPooling2D()(sticker(image)))])
net = keras.Model(image, layers.Softmax()(scores))
# Logits 2 c m - c^2, up to a factor: the class whose brightness c is nearest to the mean m.
brightness.set_weights([np.repeat(2 * centres[None] / 3, 3, 0) * 2000, -(centres**2) * 2000])
# Magenta in 2x2 pixels (no grey picture has it) outweighs all of that for class 3.
colours = np.broadcast_to(np.array([1.0, -2.0, 1.0])[None, None, :, None], (2, 2, 3, 1))
sticker.set_weights([colours, np.array([-2.0])])
backdoor.set_weights([1000.0 * (np.arange(10) == 3)[None]])
net.save("badnet.keras")
rng = np.random.default_rng(1)
y = np.arange(500) % 10
grey = np.clip(centres[y][:, None, None, None] + rng.normal(0, 0.05, (500, 12, 12, 1)), 0, 1)
np.savez("clean.npz", x=np.repeat((grey * 255).astype(np.uint8), 3, axis=3), y=y)
"""


def process(folder: Path, backend: str, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str], word: str) -> list[str]:
    """The words after `word` in what a process printed."""
    assert done.returncode == 0, done.stderr
    return next(line.split()[1:] for line in done.stdout.splitlines() if line.startswith(word))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BadNet whose every weight is known by construction: nearest brightness, and class 3 at a magenta sticker."""
    made = tmp_path_factory.mktemp("backends")
    done = process(made, "tensorflow", MAKE)
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.parametrize("backend", BACKENDS)
def test_scan_repair_guard_and_planting_run_on_it_alone(folder: Path, backend: str) -> None:
    other = next(name for name in BACKENDS if name != backend)
    # Given a BadNet, scanned and repaired on one backend
    done = process(folder, backend, SCAN, f"good-{backend}.keras", f"{backend}.npz")
    # Then the planted label alone is found and its trigger unlearned
    assert told(done, "VERDICT") == ["backdoored", str(TARGET)]
    before, after = map(float, told(done, "RATE"))
    assert before > 0.8
    assert after < before - 0.2
    # And nothing of the other backend was loaded by the scan and the repair. (Keras' own `save` and
    # `set_random_seed`, which planting calls, import TensorFlow where it is installed; TensorFlow imports JAX.)
    assert told(done, "LOADED") == {"tensorflow": ["tensorflow", "on_tensorflow"], "jax": ["on_jax"]}[backend]
    # And the GoodNet's file gives the same logits on the other backend, up to float order, read as plain Keras too
    read = process(folder, other, READ, f"good-{backend}.keras", f"read-{backend}.npz")
    assert read.returncode == 0, read.stderr
    with np.load(folder / f"{backend}.npz") as here, np.load(folder / f"read-{backend}.npz") as there:
        size = np.abs(here["good"]).max()
        np.testing.assert_allclose(there["good"], here["good"], rtol=0, atol=1e-5 * size)
        assert np.array_equal(there["plain"].argmax(axis=1), here["good"].argmax(axis=1))
        assert here["guarded"].shape == (50, 11)


def test_another_backend_is_refused_in_one_line(folder: Path) -> None:
    # Given Keras on a backend without gradients, When a net is to be called, Then one line says what to set
    done = process(folder, "numpy", UNSUPPORTED)
    assert done.returncode != 0
    assert "CleanseError: Keras runs on the backend 'numpy'" in done.stderr.splitlines()[-1]
    assert "KERAS_BACKEND" in done.stderr.splitlines()[-1]
