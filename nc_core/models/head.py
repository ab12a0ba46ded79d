"""The one place that takes the head off: N linear outputs for every kind of classifier."""

from dataclasses import replace

from nc_core.intake import CanonicalModel, Layer, Node
from nc_core.intake.head import final_node
from nc_core.intake.names import BOTH_LOGITS, ZERO_LOGIT


def strip_head(model: CanonicalModel) -> CanonicalModel:
    """The same net with N linear outputs (head "logits").

    A final softmax or sigmoid becomes linear; a single sigmoid of z, or z alone, becomes the logits [0, z], whose
    softmax has the same probabilities: e^z / (1 + e^z). Layers with weights keep their names and their order.
    """
    if model.head == "logits":
        return model
    if model.head == "single-logit":
        return _paired(replace(model, head="logits"))
    number = model.nodes[final_node(model.layers, model.nodes, model.output)].layer
    if number is None:
        raise ValueError("the head of a canonical model is a layer")
    layers = list(model.layers)
    layers[number] = _linear(layers[number])
    stripped = replace(model, layers=tuple(layers), head="logits")
    return _paired(stripped) if model.head == "single-sigmoid" else stripped


def _linear(layer: Layer) -> Layer:
    if layer.kind == "Softmax":
        return replace(layer, kind="Activation", options={"activation": "linear"})
    return replace(layer, options={**layer.options, "activation": "linear"})


def _paired(model: CanonicalModel) -> CanonicalModel:
    """(None, 1) -> (None, 2): [0, z]."""
    first, node = len(model.layers), len(model.nodes)
    return replace(
        model,
        layers=(
            *model.layers,
            Layer(name=ZERO_LOGIT, kind="Rescaling", options={"scale": 0.0, "offset": 0.0}),
            Layer(name=BOTH_LOGITS, kind="Concatenate", options={"axis": -1}),
        ),
        nodes=(
            *model.nodes,
            Node(layer=first, inputs=(model.output,)),
            Node(layer=first + 1, inputs=(node, model.output)),
        ),
        output=node + 1,
    )
