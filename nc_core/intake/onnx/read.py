"""An ONNX image classifier in, the canonical model out; nothing of it is executed."""

from dataclasses import replace
from typing import BinaryIO

from nc_core.errors import ModelRefused
from nc_core.intake.canonical import CanonicalModel, Signature
from nc_core.intake.onnx.class_names import class_names_of
from nc_core.intake.onnx.file import read_graph
from nc_core.intake.onnx.image import picture
from nc_core.intake.onnx.interpret import Walk
from nc_core.intake.outputs import left_out
from nc_core.reading import Reading


def read_onnx(file: BinaryIO, *, stored: int, reading: Reading) -> CanonicalModel:
    """Read a float32 net of the standard's operators, opset 9 to 23, whose one input is a batch of images.

    stored: bytes of the file. reading: what the user says of it. Raises ModelRefused, one line, for everything else. A
    final LogSoftmax is left out: what stands before it are scores of the same classes; the signature says that it was
    there.
    """
    graph = read_graph(file, output=reading.get("output"))
    seen = picture(graph, reading.get("input_shape"))
    walk = Walk(graph, seen)
    answer, scores = walk.output()
    model = walk.net.finished(answer, stored=stored)
    if scores and model.head != "logits":
        raise ModelRefused(
            f"the ONNX net ends in a LogSoftmax of a {model.head}: leave one of them out and export it again"
        )
    signature = Signature(
        image=graph.image,
        output=graph.output,
        channels_first=seen.channels_first,
        sizes=seen.sizes,
        batch=graph.batch,
        log_softmax=scores,
    )
    named = class_names_of(graph.metadata, model.classes)
    notes = "; ".join(filter(None, (left_out(graph.outputs, graph.output), named.note)))
    return replace(model, signature=signature, class_names=named.names, named_in=named.place, note=notes)
