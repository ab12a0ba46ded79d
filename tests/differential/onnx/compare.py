"""Both readings of one ONNX file, side by side."""

import io
from typing import Any

import keras
import numpy as np
import onnxruntime

from nc_core.intake import CanonicalModel
from nc_core.intake.read import read_open_model
from nc_core.models import build
from tests.differential.compare import TOLERANCE, distance

IMAGES = 3


def read(content: bytes) -> CanonicalModel:
    """As a submitted file."""
    return read_open_model(io.BytesIO(content), name="model.onnx")


def images(shape: tuple[int, ...], count: int = IMAGES) -> Any:
    """Images (count, *shape) of values around 0."""
    return np.random.default_rng(1).normal(0, 1, (count, *shape)).astype(np.float32)


def theirs(content: bytes, given: Any) -> Any:
    """What ONNX Runtime answers."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: given})[0]


def ours(model: CanonicalModel, given: Any) -> Any:
    """What the canonical net answers to images (n, H, W, C)."""
    answers = np.array(keras.ops.convert_to_numpy(build(model)(given, training=False)))
    keras.utils.clear_session(free_memory=False)
    return answers


class Count:
    """What was held against ONNX Runtime in this process: files, images, and how far apart answers lay at most."""

    files = images = 0
    apart = 0.0

    def add(self, images: int, apart: float) -> None:
        """Count one file."""
        self.files, self.images, self.apart = self.files + 1, self.images + images, max(self.apart, apart)

    def told(self) -> str:
        """The line at the end of the tests."""
        return (
            f"ONNX Runtime: {self.files} files answer alike to {self.images} images, apart by {self.apart:.1e} at most "
            f"(limit {TOLERANCE:.0e})"
        )


COUNT = Count()


def apart(content: bytes, *, first: bool = True, count: int = IMAGES) -> float:
    """How far the answers lie apart. first: whether the file has channels first."""
    model = read(content)
    given = images(model.input_shape, count)
    expected = theirs(content, np.ascontiguousarray(given.transpose(0, 3, 1, 2)) if first else given)
    return distance(ours(model, given), expected)


def agree(content: bytes, *, first: bool = True, count: int = IMAGES) -> bool:
    """Whether both answer alike to some images."""
    found = apart(content, first=first, count=count)
    COUNT.add(count, found)
    return found <= TOLERANCE
