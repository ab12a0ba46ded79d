"""Every layer class of the table, from a saved file to equal answers and on to a file that plain Keras
loads.
"""

from itertools import product
from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake import read_model
from nc_core.intake.layers import KINDS
from nc_core.intake.options import ACTIVATIONS
from nc_core.models import build
from nc_core.models.table import CONSTRUCTORS

L = keras.layers

LAYERS = {
    "Conv2D": lambda: L.Conv2D(4, (3, 2), strides=(2, 1), padding="same", activation="elu"),
    "Conv2D dilated": lambda: L.Conv2D(4, 3, dilation_rate=2, use_bias=False),
    "Conv2D grouped": lambda: L.Conv2D(4, 3, groups=2),
    "DepthwiseConv2D": lambda: L.DepthwiseConv2D(3, depth_multiplier=2, activation="relu6"),
    "SeparableConv2D": lambda: L.SeparableConv2D(5, 3, depth_multiplier=2, padding="same"),
    "Conv2DTranspose": lambda: L.Conv2DTranspose(3, 3, strides=2),
    "Conv2DTranspose same": lambda: L.Conv2DTranspose(3, (4, 3), strides=2, padding="same", output_padding=1),
    "Dense on pixels": lambda: L.Dense(3, activation="silu"),
    "BatchNormalization": lambda: L.BatchNormalization(momentum=0.9, epsilon=0.01),
    "BatchNormalization bare": lambda: L.BatchNormalization(scale=False, center=False),
    "BatchNormalization rows": lambda: L.BatchNormalization(axis=1),
    "LayerNormalization": lambda: L.LayerNormalization(axis=[1, -1], epsilon=0.01),
    "LayerNormalization bare": lambda: L.LayerNormalization(center=False),
    "GroupNormalization": lambda: L.GroupNormalization(2, epsilon=0.01),
    "GroupNormalization bare": lambda: L.GroupNormalization(-1, scale=False, center=False),
    "GroupNormalization rows": lambda: L.GroupNormalization(2, axis=1),
    "UnitNormalization": lambda: L.UnitNormalization(axis=[1, -1]),
    "UnitNormalization of channels": lambda: L.UnitNormalization(),
    "ReLU": lambda: L.ReLU(max_value=0.8, negative_slope=0.1, threshold=0.2),
    "LeakyReLU": lambda: L.LeakyReLU(0.2),
    "ELU": lambda: L.ELU(0.7),
    "PReLU": lambda: L.PReLU(shared_axes=[1, 2]),
    "PReLU unshared": lambda: L.PReLU(),
    "Softmax": lambda: L.Softmax(axis=[1, 2]),
    "MaxPooling2D": lambda: L.MaxPooling2D(3, strides=2, padding="same"),
    "AveragePooling2D": lambda: L.AveragePooling2D((2, 3)),
    "GlobalAveragePooling2D": lambda: L.GlobalAveragePooling2D(keepdims=True),
    "GlobalMaxPooling2D": lambda: L.GlobalMaxPooling2D(),
    "Flatten": lambda: L.Flatten(),
    "Reshape": lambda: L.Reshape((5, -1, 2)),
    "Permute": lambda: L.Permute((3, 1, 2)),
    "Dropout": lambda: L.Dropout(0.4, noise_shape=(None, 1, 1, 4)),
    "SpatialDropout2D": lambda: L.SpatialDropout2D(0.3),
    "GaussianNoise": lambda: L.GaussianNoise(0.3),
    "GaussianDropout": lambda: L.GaussianDropout(0.3),
    "ZeroPadding2D": lambda: L.ZeroPadding2D(((1, 0), (2, 3))),
    "Cropping2D": lambda: L.Cropping2D(((1, 0), (2, 3))),
    "UpSampling2D": lambda: L.UpSampling2D((2, 3), interpolation="bilinear"),
    "Rescaling": lambda: L.Rescaling([2.0, 0.5, 1.0, 3.0], offset=-0.1),
    "Normalization": lambda: L.Normalization(),
    "Normalization given": lambda: L.Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 0.5, 0.1]),
    **{f"Activation {name}": lambda name=name: L.Activation(name) for name in sorted(ACTIVATIONS.values())},
}
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")


def test_the_tables_of_reader_and_builder_and_these_tests_know_the_same_classes():
    tried = {name.split()[0] for name in LAYERS} | set(MERGES) | {"Dot"}
    assert set(CONSTRUCTORS) == set(KINDS) == tried


def net(layer):
    image = keras.Input((10, 8, 2))
    x = L.Conv2D(4, 1)(image)
    x = L.Flatten()(layer(x))
    return keras.Model(image, L.Dense(3, activation="softmax")(x))


SEVERAL_AXES = ("LayerNormalization", "Softmax", "UnitNormalization")
"""What Keras 3 forgets when it loads an `.h5` file."""


@pytest.mark.parametrize(
    ("name", "suffix"),
    [(n, s) for n in LAYERS for s in (".keras", ".h5") if (n, s) not in product(SEVERAL_AXES, [".h5"])],
)
def test_a_net_with_the_layer_answers_alike(name, suffix, shake, through):
    through(shake(net(LAYERS[name]())), suffix)


@pytest.mark.parametrize("name", SEVERAL_AXES)
def test_several_axes_in_an_h5_file_are_refused(name, shake, tmp_path: Path):
    shake(net(LAYERS[name]())).save(tmp_path / "model.h5")
    with pytest.raises(ModelRefused, match="which Keras 3 forgets"):
        read_model(tmp_path / "model.h5")


@pytest.mark.parametrize("name", MERGES)
def test_a_net_that_merges_answers_alike(name, shake, through):
    # Given two branches, one of which is a single pixel where the layer can spread it
    image = keras.Input((6, 5, 3))
    left = L.Conv2D(4, 1)(image)
    right = L.Conv2D(4, 1)(image)
    if name in ("Add", "Multiply"):
        right = L.GlobalAveragePooling2D()(right)
    merged = getattr(L, name)()([left, right])
    output = L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(merged))
    # Then file, canonical form and original agree
    through(shake(keras.Model(image, output)), ".keras")


@pytest.mark.parametrize("name", LAYERS)
def test_a_built_net_saves_to_a_file_that_plain_keras_loads(name, shake, through, tmp_path: Path):
    built = build(through(shake(net(LAYERS[name]())), ".keras"))
    built.save(tmp_path / "built.keras")
    again = keras.models.load_model(tmp_path / "built.keras")
    images = np.random.default_rng(5).random((2, 10, 8, 2), dtype=np.float32)
    np.testing.assert_array_equal(again.predict_on_batch(images), built.predict_on_batch(images))
    assert [layer.name for layer in again.layers] == [layer.name for layer in built.layers]


def test_an_activation_that_is_a_layer_becomes_one(shake, through):
    canonical = through(shake(net(L.Conv2D(4, 3, activation=L.LeakyReLU(0.2), name="conv"))), ".keras")
    assert ("conv_activation", "LeakyReLU") in [(layer.name, layer.kind) for layer in canonical.layers]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "float64"])
def test_a_net_of_another_precision_is_refused(policy, suffix, tmp_path: Path):
    image = keras.Input((8, 8, 3))
    x = L.GlobalAveragePooling2D()(L.Conv2D(4, 3, dtype=policy, name="conv")(image))
    keras.Model(image, L.Dense(3, activation="softmax", dtype="float32")(x)).save(tmp_path / f"model{suffix}")
    with pytest.raises(ModelRefused, match=f"'conv' computes in '{policy}'; read here is float32"):
        read_model(tmp_path / f"model{suffix}")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("axes", [1, 2, (1, 2), [2, 1]])
def test_a_product_of_matrices_answers_alike(axes, suffix, shake, through):
    image = keras.Input((6, 6, 2))
    left, right = L.Reshape((6, 12))(L.Conv2D(2, 1)(image)), L.Reshape((12, 6))(image)
    if axes in (1, 2):
        right = L.Reshape((6, 12))(right)
    through(shake(keras.Model(image, L.Dense(3)(L.Flatten()(L.Dot(axes)([left, right]))))), suffix)
