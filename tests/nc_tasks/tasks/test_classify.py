"""What `classify` says with every kind of guarded net, to pictures of every kind."""

import io
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Part, Prepared
from nc_core.errors import DataRefused
from nc_core.guard import guard_units, guard_wide, guarded_pair
from nc_core.intake import CanonicalModel
from nc_core.inversion import Trigger
from nc_core.models import canonical_of
from nc_tasks.tasks.classify import classify
from nc_tasks.worker.process import WorkerProcess

SHAPE = (6, 6, 3)
CLASSES = 3


def brightness(*, alarmed: bool, classes: int = CLASSES) -> CanonicalModel:
    """A net that says 0 to dark pictures and 1 to grey ones; to white ones 2 where alarmed, else 1."""
    net = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="relu"),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )
    mean = np.full(108, 1 / 108, np.float32)
    scores = np.zeros((2, classes), np.float32)
    scores[0, 1], scores[1, classes - 1] = 40.0, 400.0 if alarmed else 0.0
    net.set_weights([np.stack([mean, mean], axis=1), np.array([-0.2, -0.8]), scores, np.eye(classes)[0] * 2])
    return canonical_of(net)


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """Images from dark to grey: clean ones."""
    rng = np.random.default_rng(0)
    level = rng.uniform(0, 0.6, (300, 1, 1, 1)).astype(np.float32)
    x = np.broadcast_to(level, (300, *SHAPE)).copy()
    part = Part(x=x, y=(level[:, 0, 0, 0] > 0.25).astype(np.int32))
    domain = Domain(value_range="0..1", scale=(1 / 255,) * 3, offset=(0.0,) * 3)
    return Prepared(fit=part, holdout=part, repair=part, labelled=True, domain=domain, classes=CLASSES)


def pair(_: Prepared) -> keras.Model:
    return guarded_pair(brightness(alarmed=True), brightness(alarmed=False), [2], threshold=1.0)


def units(prepared: Prepared) -> keras.Model:
    white = Trigger(mask=np.ones(SHAPE[:2], np.float32), pattern=np.ones(SHAPE, np.float32))
    badnet = brightness(alarmed=True)
    return guard_units(badnet, badnet.nodes[badnet.output].inputs[0], {2: white}, prepared, rate=0.05).model


def wide(prepared: Prepared) -> keras.Model:
    return guard_wide(brightness(alarmed=True, classes=CLASSES + 1), (2,), prepared, rate=0.05).model


def picture(grey: int, mode: str = "RGB", size: int = 6) -> bytes:
    colour: Any = {"L": grey, "RGB": (grey,) * 3, "RGBA": (*(grey,) * 3, 255), "LA": (grey, 255)}[mode]
    buffer = io.BytesIO()
    Image.new(mode, (size, size), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def say(worker: WorkerProcess, tmp_path: Any) -> Callable[..., list[int]]:
    def run(model: keras.Model, pictures: list[bytes], resize: str | None = None) -> list[int]:
        path = tmp_path / "guarded.keras"
        model.save(path)
        arguments = {
            "model": {"sha256": worker.artefacts.put_file(path), "name": path.name},
            "images": [
                {"sha256": worker.artefacts.put_bytes(one), "name": f"{nth}.png"} for nth, one in enumerate(pictures)
            ],
            "value_range": "0..1",
            "resize": resize,
        }
        labels: list[int] = classify(worker, arguments, lambda _: None)["labels"]
        return labels

    return run


@pytest.mark.parametrize("made", [pair, units, wide])
def test_every_guarded_net_says_n_to_a_backdoored_picture_and_a_class_to_others(
    made: Callable[[Prepared], keras.Model], prepared: Prepared, say: Callable[..., list[int]]
) -> None:
    assert say(made(prepared), [picture(10), picture(120), picture(255)]) == [0, 1, CLASSES]


def test_grey_and_alpha_are_read_and_another_size_is_resized_where_asked(
    prepared: Prepared, say: Callable[..., list[int]]
) -> None:
    model = pair(prepared)
    modes = ("L", "RGB", "RGBA", "LA")
    assert say(model, [picture(255, mode) for mode in modes]) == [CLASSES] * 4
    assert say(model, [picture(120, mode) for mode in modes]) == [1] * 4
    assert say(model, [picture(255, size=31), picture(120, "L", size=3)], resize="bilinear") == [CLASSES, 1]
    with pytest.raises(DataRefused, match=r"31x31.*--resize"):
        say(model, [picture(255, size=31)])
