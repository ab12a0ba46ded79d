"""State dicts of every architecture: names, shapes and answers are PyTorch's own, see `record`."""

import io
import json
from typing import Any

import numpy as np
import pytest

from nc_core.intake.pytorch.architectures import ARCHITECTURES
from nc_core.intake.pytorch.fitting import chosen
from nc_core.intake.pytorch.sketch import Sketch
from nc_core.intake.read import read_open_model
from tests.differential.compare import TOLERANCE, distance
from tests.differential.onnx.compare import ours
from tests.differential.pytorch import drawn
from tests.differential.pytorch.record import ANSWERS, CLASSES
from tests.state_dicts import pytorch, safetensors

RECORDED: dict[str, Any] = json.loads(ANSWERS.read_text("utf-8"))
QUICK = (
    *("resnet18@32", "resnet50@48x64", "mobilenet_v2@32", "efficientnet_b0@32", "preactresnet18"),
    *("vgg16_bn_cifar", "mobilenet_v2_cifar", "resnet18_trojanzoo"),
)
"""A net of each family; `make test-long` has the others."""


def state_of(name: str) -> dict[str, Any]:
    return {key: drawn.weights(key, tuple(shape)) for key, shape in RECORDED[name]["shapes"].items()}


def apart(name: str, content: bytes) -> float:
    """How far the answers of the net that is read lie from PyTorch's."""
    model = read_open_model(io.BytesIO(content), name="weights", architecture=name)
    height, width, channels = model.input_shape
    given = drawn.images(channels, height, width).transpose(0, 2, 3, 1)
    return distance(ours(model, given), np.array(RECORDED[name]["answers"]))


def test_there_is_a_recording_of_every_architecture() -> None:
    assert {name.partition("@")[0] for name in RECORDED} == set(ARCHITECTURES)


@pytest.mark.parametrize("name", RECORDED)
def test_names_and_shapes_are_those_of_pytorch(name: str) -> None:
    given = chosen(name)
    assert given is not None
    sketch = Sketch(3, given.size or (32, 32))
    ARCHITECTURES[given.name].draw(sketch, CLASSES)
    assert {key: list(shape) for key, shape in sketch.shapes.items()} == RECORDED[name]["shapes"]


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(x, marks=pytest.mark.long) for x in RECORDED if x not in QUICK)]
)
def test_a_state_dict_answers_as_in_pytorch(name: str) -> None:
    assert apart(name, pytorch(state_of(name))) <= TOLERANCE


def test_a_safetensors_file_answers_likewise() -> None:
    state = state_of("mobilenet_v2@32")
    assert apart("mobilenet_v2@32", safetensors(state, {"format": "pt"})) <= TOLERANCE
