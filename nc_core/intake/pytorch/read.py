"""Weights and the name of an architecture in, the canonical model out; nothing of the file is executed."""

from dataclasses import replace
from typing import Any, BinaryIO, Literal

import numpy as np

from nc_core.intake.canonical import CanonicalModel, Signature
from nc_core.intake.limits import PARAMETERS, within
from nc_core.intake.onnx.file import Graph
from nc_core.intake.onnx.image import picture
from nc_core.intake.onnx.interpret import Walk
from nc_core.intake.pytorch.archive import TorchArchive
from nc_core.intake.pytorch.checkpoint import Found, state_dict
from nc_core.intake.pytorch.fitting import Chosen, Drawn, fitted, refuse_unnamed
from nc_core.intake.pytorch.safetensors import Safetensors
from nc_core.intake.pytorch.sketch import OPSET
from nc_core.intake.pytorch.stored import Floats, Read, State, values

SIGNATURE = Signature(image="image", output="scores", channels_first=True, batch="batch")
"""Of the ONNX files that are written of such a net: as PyTorch would write it."""


def read_pytorch(
    file: BinaryIO, *, kind: Literal["pytorch", "safetensors"], architecture: Chosen | None, stored: int
) -> CanonicalModel:
    """Read a state dict, by itself or in a checkpoint, into an architecture of `ARCHITECTURES`.

    stored: bytes of the file. Raises ModelRefused, one line, for everything else, and for weights without an
    architecture.
    """
    if kind == "safetensors":
        tensors = Safetensors(file)
        return _net(state_dict(tensors.value()), architecture, tensors.read, stored)
    with TorchArchive(file) as archive:
        return _net(state_dict(archive.value()), architecture, archive.read, stored)


def _net(found: Found, architecture: Chosen | None, read: Read, stored: int) -> CanonicalModel:
    if architecture is None:
        raise refuse_unnamed(found.state)
    drawn = fitted(found.state, architecture)
    graph = _graph(drawn, _arrays(drawn, found.state, read))
    walk = Walk(graph, picture(graph, None))
    output, _ = walk.output()
    return replace(walk.net.finished(output, stored=stored), note=found.note, signature=SIGNATURE)


def _graph(drawn: Drawn, arrays: dict[str, Any]) -> Graph:
    channels, height, width = drawn.sketch.image.shape
    return Graph(
        opset=OPSET,
        image=drawn.sketch.image.name,
        shape=(channels, height, width),
        batch=SIGNATURE.batch,
        output=drawn.output.name,
        arrays=arrays,
        nodes=drawn.sketch.nodes,
    )


def _arrays(drawn: Drawn, state: State, read: Read) -> dict[str, Any]:
    arrays: dict[str, Any] = dict(drawn.sketch.constants)
    for name in drawn.sketch.shapes:
        array = values(state[name], read, name)
        arrays[name] = _unpooled(array, *drawn.sketch.pooled[name]) if name in drawn.sketch.pooled else array
    return arrays


def _unpooled(matrix: Floats, image: tuple[int, int], pooled: tuple[int, int]) -> Floats:
    """The matrix (units, C * rows * columns) of a linear layer behind an adaptive pooling, and that pooling, as one.

    Both are linear, so that the answers are the same: what is returned is (units, C * height * width), of the image.
    """
    apart = matrix.reshape(len(matrix), -1, *pooled)  # (units, C, rows, columns)
    within(apart.shape[0] * apart.shape[1] * image[0] * image[1], PARAMETERS, "parameters")
    rows, columns = (_means(size, bins) for size, bins in zip(image, pooled, strict=True))
    whole = np.matmul(np.matmul(rows.T, apart), columns)  # (units, C, height, width)
    return whole.reshape(len(matrix), -1)


def _means(size: int, bins: int) -> Floats:
    """Of AdaptiveAvgPool2d, (bins, size): bin i is the mean from floor(i size / bins) to ceil((i + 1) size / bins)."""
    found = np.zeros((bins, size), np.float32)
    for place in range(bins):
        begin, end = place * size // bins, -(-(place + 1) * size // bins)
        found[place, begin:end] = 1 / (end - begin)
    return found
