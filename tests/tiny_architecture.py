"""An architecture that no user has: small enough to be read many times."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

from nc_core.intake.pytorch.architectures import ARCHITECTURES, Architecture
from nc_core.intake.pytorch.sketch import Flow, Sketch
from tests.differential.pytorch.drawn import weights
from tests.state_dicts import Array

NAME, CLASSES = "tiny", 3


def draw(s: Sketch, classes: int) -> Flow:
    """Images of 8x8; four rows and columns are pooled to three, before the linear layer."""
    x = s.relu(s.norm(s.conv(s.image, "conv", 4), "norm"))
    return s.linear(s.max_pool(x, 2, 2), "fc", classes, pooled_to=(3, 3))


@contextmanager
def known() -> Iterator[None]:
    """While it is one of the architectures."""
    tiny = Architecture(draw, 8, "conv.weight", "fc.weight")
    with patch.dict(ARCHITECTURES, {NAME: tiny}):  # type: ignore[arg-type]
        yield


def state(channels: int = 3) -> dict[str, Array]:
    """Its weights, and a counter as BatchNorm2d has it."""
    sketch = Sketch(channels, (8, 8))
    draw(sketch, CLASSES)
    found = {name: weights(name, shape) for name, shape in sketch.shapes.items()}
    return {**found, "norm.num_batches_tracked": np.array(7, np.int64)}
