"""torch.nn.MultiheadAttention, in which the batch is not the first axis: read as ONNX Runtime reads it, or refused."""

from typing import Any

import pytest

from nc_core.intake import CanonicalModel
from nc_core.intake.limits import LAYERS
from tests.differential.onnx.compare import agree, read
from tests.differential.onnx.graphs import Graph
from tests.differential.onnx.transformers import VIT_B_16, Form, Net, encoder, multihead, vit

IMAGE = (3, 16, 16)
NETS = {
    "torchvision": lambda exporter: vit(multihead(exporter)),
    "batch_first, with weights": lambda exporter: vit(multihead(exporter, weights=True)),
    "TransformerEncoder": encoder,
    "MultiheadAttention, mean": lambda exporter: encoder(exporter, weights=True, pool="mean"),
}
CASES = [("torchvision", "TorchScript", 14), *(("torchvision", "dynamo", opset) for opset in (18, 20, 23))]
CASES += [("batch_first, with weights", "PyTorch 1", 11), ("batch_first, with weights", "TorchScript", 13)]
CASES += [("TransformerEncoder", "TorchScript", 14), ("TransformerEncoder", "dynamo", 18)]
CASES += [("MultiheadAttention, mean", "TorchScript", 17), ("MultiheadAttention, mean", "dynamo", 20)]


def graph(make: Net, opset: int = 17, batch: int | str = "batch") -> bytes:
    g = Graph(opset, IMAGE, batch)
    return g.file(make(g))


def plain(model: CanonicalModel) -> Any:
    """The net without the names of its layers."""
    arrays = [model.weights[key].tobytes() for layer in model.layers for key in layer.weights]
    return [(layer.kind, layer.options) for layer in model.layers], model.nodes, arrays


@pytest.mark.parametrize(("name", "exporter", "opset"), CASES)
def test_attention_answers_as_in_onnx_runtime(name: str, exporter: str, opset: int) -> None:
    assert agree(graph(NETS[name](exporter), opset), count=64)


@pytest.mark.parametrize(("exporter", "opset"), [("PyTorch 1", 11), ("TorchScript", 17), ("dynamo", 18)])
@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_number_of_images_makes_the_same_net(name: str, exporter: str, opset: int, batch: int) -> None:
    make = NETS[name](exporter)
    assert plain(read(graph(make, opset, batch))) == plain(read(graph(make, opset)))


@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_number_of_images_answers_as_in_onnx_runtime(batch: int) -> None:
    assert agree(graph(encoder("TorchScript"), 17, batch), count=batch)


@pytest.mark.parametrize("exporter", ["TorchScript", "dynamo"])
def test_as_many_blocks_and_heads_as_a_vit_l_16_has_are_within_the_limits(exporter: str) -> None:
    form = Form(width=32, heads=16, inner=64, blocks=24)
    assert 4_000 < len(read(graph(vit(multihead(exporter, form=form), form))).layers) <= LAYERS


@pytest.mark.long
def test_a_vit_b_16_of_full_size_is_read() -> None:
    """86 million weights in 12 blocks of 12 heads: within the limits, and the same answers to two images."""
    g = Graph(17, (3, 224, 224))
    assert agree(g.file(vit(multihead("TorchScript", form=VIT_B_16), VIT_B_16)(g)), count=2)
