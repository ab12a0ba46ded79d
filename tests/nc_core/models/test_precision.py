"""The same net in bfloat16: which layers compute in it, which do not, and what stays as it was."""

import keras
import numpy as np
import pytest

from nc_core.errors import OptionRefused
from nc_core.inversion import Predictor
from nc_core.models import build_logits, canonical_of, in_precision

L = keras.layers


def net(head: list[keras.layers.Layer]) -> keras.Model:
    """Two branches, layers that scale, batch normalisation and dropout; logits."""
    image = keras.Input((12, 10, 3))
    scaled = L.Normalization(name="normal")(L.Rescaling(1 / 127.5, offset=-1.0, name="scale")(image))
    left = L.Conv2D(6, 3, activation="relu", name="left")(scaled)
    right = L.DepthwiseConv2D(3, depth_multiplier=2, name="right")(scaled)
    value = L.BatchNormalization(name="norm")(L.Add(name="sum")([left, right]))
    value = L.Dropout(0.5, name="drop")(L.GlobalAveragePooling2D(name="mean")(value))
    for layer in head:
        value = layer(value)
    return keras.Model(image, value)


HEADS = {
    "softmax-in-dense": lambda: [L.Dense(5, "softmax", name="last")],
    "softmax-apart": lambda: [L.Dense(5, name="last"), L.Softmax(name="answer")],
    "one-sigmoid": lambda: [L.Dense(1, "sigmoid", name="last")],
}


def pixels(count: int = 40) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (count, 12, 10, 3)).astype(np.float32)


@pytest.mark.parametrize("head", HEADS)
def test_logits_are_those_of_the_float32_net_up_to_bfloat16(head: str, shake) -> None:
    # Given a net in both arithmetics
    model = build_logits(canonical_of(shake(net(HEADS[head]()))))
    twin = in_precision(model, "bfloat16")
    # Then weights, input and output are float32, the layers with the work are not
    arrays = [weight for weight in twin.weights if weight.name != "count"]  # of the images that Normalization saw
    assert {str(weight.dtype) for weight in arrays} == {"float32"}
    assert twin.inputs[0].dtype == twin.outputs[0].dtype == "float32"
    rough = {layer.name for layer in twin.layers if layer.compute_dtype == "bfloat16"}
    assert rough == {"left", "right", "sum", "norm", "mean", "drop"}
    # And the answers differ by what 8 significant bits through a few layers differ by, but they do differ
    x = pixels()
    expected, found = Predictor(model)(x), Predictor(twin)(x)
    size = np.ptp(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.03 * size)
    assert np.abs(found - expected).max() > 1e-5 * size
    # And logits are no multiples of a bfloat16 step, which would tie
    assert not np.array_equal(found, keras.ops.convert_to_numpy(keras.ops.cast(found, "bfloat16")).astype(np.float32))


def test_the_net_itself_stays_as_it_was(shake) -> None:
    # Given a net, its answers and a global policy of somebody else
    model = build_logits(canonical_of(shake(net(HEADS["softmax-apart"]()))))
    before = Predictor(model)(pixels())
    # When it is made a twin, which is then changed
    twin = in_precision(model, "bfloat16")
    for variable in twin.weights:
        variable.assign(variable * 0)
    # Then it answers the same in float32, and the global policy was not touched
    np.testing.assert_array_equal(Predictor(model)(pixels()), before)
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_float32_is_the_net_itself(shake) -> None:
    model = build_logits(canonical_of(shake(net(HEADS["softmax-apart"]()))))
    assert in_precision(model, "float32") is model


def test_a_net_in_training_has_a_twin_without_its_optimiser(shake) -> None:
    # Given a compiled net that has learned
    model = build_logits(canonical_of(shake(net(HEADS["softmax-apart"]()))))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.train_on_batch(pixels(8), np.arange(8) % 5)
    # Then its twin has the weights of now, and no optimiser
    twin = in_precision(model, "bfloat16")
    assert not twin.compiled
    for mine, theirs in zip(twin.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_another_arithmetic_is_refused_in_one_line() -> None:
    with pytest.raises(OptionRefused, match="'float16'; pass float32 or bfloat16"):
        in_precision(net(HEADS["softmax-apart"]()), "float16")  # type: ignore[arg-type]
