"""What a net costs, against numbers that were published and counted by hand."""

import pytest

from nc_core.intake.canonical import CanonicalModel, Layer, Node
from nc_core.intake.cost import NetCost, cost_of, program_bytes


def net(
    *layers: tuple[str, dict[str, object], dict[str, tuple[int, ...]]], image: tuple[int, int, int]
) -> CanonicalModel:
    made = tuple(Layer(name=f"l{n}", kind=kind, options=options) for n, (kind, options, _) in enumerate(layers))
    nodes = (Node(layer=None), *(Node(layer=n, inputs=(n,)) for n in range(len(layers))))
    return CanonicalModel(
        input_shape=image, layers=made, nodes=nodes, output=len(layers), head="softmax", classes=2, weights={}
    )


CONV = {"strides": [1, 1], "padding": "same", "dilation_rate": [1, 1], "use_bias": True}
SOFTMAX = ("Activation", {"activation": "softmax"}, {})


@pytest.mark.parametrize(
    ("kind", "options", "multiply_adds", "values"),
    [
        ("Conv2D", {**CONV, "filters": 5, "kernel_size": [3, 3], "groups": 1}, 64 * 9 * 4 * 5, 64 * 5),
        ("Conv2D", {**CONV, "filters": 6, "kernel_size": [3, 3], "groups": 2}, 64 * 9 * 2 * 6, 64 * 6),
        ("DepthwiseConv2D", {**CONV, "kernel_size": [3, 3], "depth_multiplier": 1}, 64 * 9 * 4, 64 * 4),
    ],
)
def test_a_kernel_counts_at_every_place(kind: str, options: dict[str, object], multiply_adds: int, values: int) -> None:
    # Given a net on 8 x 8 pictures of four channels: the layer, flattened, and two classes
    dense = ("Dense", {"units": 2, "use_bias": True, "activation": "linear"}, {})
    cost = cost_of(net((kind, options, {}), ("Flatten", {}, {}), dense, SOFTMAX, image=(8, 8, 4)))
    # Then its cost is what one counts by hand
    assert cost.multiply_adds == multiply_adds + 2 * values
    assert cost.activations == 8 * 8 * 4 + values + values + 2 + 2
    assert cost.image == 256


def test_memory_grows_with_slots_and_batch_alone() -> None:
    net = NetCost(image=100, activations=10_000, multiply_adds=0, parameters=1_000, largest=500, working=300)

    def needed(slots: int, batch: int) -> int:
        return program_bytes(net, slots=slots, batch=batch, fit_images=10)

    assert needed(4, 8) == needed(8, 4)
    assert needed(8, 8) - needed(4, 8) == needed(12, 8) - needed(8, 8) > 0
