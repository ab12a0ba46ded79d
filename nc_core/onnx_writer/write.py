"""The whole file: signature, graph, and what is checked before anybody gets it.

The answers are held against Keras' by `tests/differential/onnx/test_written.py`, on ONNX Runtime: a runtime is no
dependency of this project, and nothing that is written depends on the numbers of a net.
"""

import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.checker import ValidationError
from onnx.shape_inference import InferenceError

from nc_core.errors import ModelRefused, OptionRefused, ReadsOtherwise
from nc_core.intake import CanonicalModel, Signature
from nc_core.intake.analysis import analyse
from nc_core.intake.limits import ONNX_BYTES
from nc_core.onnx_writer.call import Call
from nc_core.onnx_writer.graph import FIRST, LAST, Graph, Value
from nc_core.onnx_writer.table import WRITERS

OPSET = 17
"""Of the standard's operators, from 2022: the first one with LayerNormalization; every runtime since reads it."""
IR_VERSION = 8
"""The file format of the same release of the standard (1.12)."""
PLAIN = Signature(image="image", output="scores", channels_first=False, batch="batch")
"""How a net that arrived as a Keras file takes images: as Keras does."""


def save_onnx(model: CanonicalModel, path: Path) -> None:
    """The same as `write_onnx` to a path, which must end in `.onnx`; raises OptionRefused otherwise."""
    if path.suffix != ".onnx":
        raise OptionRefused(f"{path.name!r} does not end in .onnx, by which the format is told: pass such a path")
    content, aside = _content(model), path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_onnx(model: CanonicalModel, file: BinaryIO) -> None:
    """Write the net as one ONNX file, the same bytes for the same model.

    It takes images and gives answers as the ONNX file that the net arrived in: names, (C, H, W) or (H, W, C), domain of
    pixels, number of images. One that arrived as a Keras file takes `image` (batch, H, W, C) and gives `scores` (batch,
    N). Raises ModelRefused where the net is larger than an ONNX file can be, and ReadsOtherwise where what was made is
    no valid ONNX: then nothing is written.
    """
    file.write(_content(model))


def _content(model: CanonicalModel) -> bytes:
    made = _model(model)
    if (size := made.ByteSize()) > ONNX_BYTES:
        raise ModelRefused(
            f"the net takes {size:,} bytes as ONNX, and one file of that holds {ONNX_BYTES:,}: take it as .keras, "
            "--format keras"
        )
    try:
        onnx.checker.check_model(made, full_check=True)
    except (ValidationError, InferenceError) as error:
        raise ReadsOtherwise(f"the net, as it was written, is no valid ONNX ({error})") from None
    return bytes(made.SerializeToString(deterministic=True))


def _model(model: CanonicalModel) -> Any:
    signature = model.signature or PLAIN
    graph = Graph((signature.image, signature.output))
    _answer(graph, model, signature)
    height, width, channels = model.input_shape
    image = signature.sizes or ((channels, height, width) if signature.channels_first else (height, width, channels))
    outputs = 1 if model.head.startswith("single") else model.classes
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "classifier",
            [helper.make_tensor_value_info(signature.image, TensorProto.FLOAT, [signature.batch, *image])],
            [helper.make_tensor_value_info(signature.output, TensorProto.FLOAT, [signature.batch, outputs])],
            graph.arrays,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="cleanse",
    )


def _answer(graph: Graph, model: CanonicalModel, signature: Signature) -> None:
    """Every call of the net, and its output under the name that it is to have."""
    shapes = analyse(model.layers, model.nodes, model.output, model.input_shape).shapes
    order, image = FIRST if signature.channels_first else LAST, signature.image
    if signature.sizes is not None:
        graph.label = "picture"
        sizes = graph.array("sizes", np.array([0, *model.input_shape], np.int64))
        image = graph.op("Reshape", image, sizes)
    values = [Value(name=image, shape=model.input_shape, order=order)]
    for node, shape in zip(model.nodes[1:], shapes[1:], strict=True):
        layer = model.layers[node.layer or 0]
        graph.label = layer.name
        call = Call(
            graph=graph,
            layer=layer,
            inputs=[values[source] for source in node.inputs],
            arrays={key.rpartition("/")[2]: model.weights[key] for key in layer.weights},
            shape=shape,
        )
        values.append(WRITERS[layer.kind](call))
    graph.label = signature.output
    last = values[model.output].name
    graph.end(graph.op("LogSoftmax", last, axis=1) if signature.log_softmax else last, signature.output)
