"""The same net in another arithmetic, for work that bears it."""

from typing import Any, Literal, get_args

import keras

from nc_core.errors import OptionRefused

Compute = Literal["float32", "bfloat16"]
"""What the layers of a net compute in; their weights are float32 in any case."""

_EXACT = (keras.layers.Rescaling, keras.layers.Normalization)
"""Layers that shift or scale pixels: a difference of two shades must not be rounded away, and they cost nothing."""


def check_compute(compute: str) -> None:
    """Raise OptionRefused for a name that is no `Compute`."""
    if compute not in get_args(Compute):
        raise OptionRefused(f"the net cannot compute in {compute!r}; pass {' or '.join(get_args(Compute))}")


def in_precision(model: keras.Model, compute: Compute) -> keras.Model:
    """A net with the structure and the present weights of `model` that computes in `compute`.

    model: N logits, in float32, no model among its layers (as `build_logits` makes it); it is given back itself for
    float32. Variables stay float32, inputs and logits too: from the last layer with weights on everything is computed
    in float32, since logits in bfloat16 (8 significant bits) tie, and argmax gives a tie to the lower label. The new
    net has weights of its own, which do not follow a later training of `model`. Each layer gets its own policy; the
    global one is neither read nor set. Raises OptionRefused for another `compute`.
    """
    check_compute(compute)
    if compute == "float32":
        return model
    # A model of the same layers that was never compiled: a clone would copy the optimiser too.
    plain = keras.Model(model.inputs[0], model.outputs[0])
    precise = _answering(model.outputs[0])

    def in_policy(layer: Any) -> Any:
        exact = layer.name in precise or isinstance(layer, _EXACT)
        policy = "float32" if exact else f"mixed_{compute}"
        return type(layer).from_config({**layer.get_config(), "dtype": policy})

    twin = keras.models.clone_model(plain, clone_function=in_policy)
    twin.set_weights(plain.get_weights())
    for layer in twin.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it divides by a copy of its weights
    return twin


def _answering(output: Any) -> set[str]:
    """The names of the last layers with weights, and of the layers after them."""
    names: set[str] = set()
    tensors = [output]
    while tensors:
        layer, call, _ = tensors.pop()._keras_history
        names.add(layer.name)
        if not layer.weights:
            tensors.extend(layer._inbound_nodes[call].input_tensors)
    return names
