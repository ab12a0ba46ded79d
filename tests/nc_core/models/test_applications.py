"""Well-known nets at small sizes, end to end: a handful always, all of keras.applications' families at their own least
size under the marker `long`.
"""

import keras
import numpy as np
import pytest
from keras.src.applications import convnext

L = keras.layers
QUICK = {"MobileNetV2": 32, "ResNet50V2": 32, "MobileNetV3Small": 32}
"""Between them: depthwise convolutions, residuals, padding, numbers added and multiplied, squeeze and excite."""

ALL = {
    "VGG16": 64,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "MobileNet": 64,
    "MobileNetV2": 64,
    "MobileNetV3Small": 64,
    "MobileNetV3Large": 64,
    "EfficientNetB0": 64,
    "EfficientNetV2B0": 64,
    "DenseNet121": 64,
    "Xception": 71,
    "InceptionV3": 75,
    "InceptionResNetV2": 75,
    "ConvNeXtTiny": 64,
    "NASNetMobile": 64,
}
"""Side of the image; Xception and the Inceptions take no smaller ones."""


def application(name: str, side: int) -> keras.Model:
    """A net of keras.applications with its last layer linear, so that a softmax hides nothing."""
    linear = {} if name.startswith("NASNet") else {"classifier_activation": None}  # which has no such argument
    net = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), classes=10, **linear)
    as_if_trained(net)
    return net


def as_if_trained(model: keras.Model) -> None:
    """Normalisations that pass the image on, as training leaves them, and that tell layers and arrays
    apart.
    """
    generator = np.random.default_rng(7)
    for layer in model.layers:
        if isinstance(layer, convnext.LayerScale):
            layer.gamma.assign(generator.uniform(0.5, 1.5, layer.gamma.shape))
        if isinstance(layer, L.BatchNormalization):
            layer.momentum = 0.0  # one step of training sets the moments to those of its batch
            if layer.scale:
                layer.gamma.assign(generator.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(generator.normal(0, 0.2, layer.beta.shape))
    model(generator.random((4, *model.input_shape[1:])) * np.array([0.5, 1, 2, 4]).reshape(4, 1, 1, 1), training=True)


def held(original: keras.Model, suffix: str, through) -> None:
    canonical = through(original, suffix)
    assert (canonical.classes, canonical.input_shape) == (original.output_shape[1], original.input_shape[1:])
    assert abs(canonical.parameters - original.count_params()) <= 1  # a Normalization's counter is no weight


@pytest.mark.parametrize(("name", "suffix"), [(name, suffix) for name in QUICK for suffix in (".keras", ".h5")])
def test_answers_equal_those_of_the_original(name, suffix, through):
    held(application(name, QUICK[name]), suffix, through)


@pytest.mark.long
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", ALL)
def test_answers_of_every_family_equal_those_of_the_original(name, suffix, through):
    held(application(name, ALL[name]), suffix, through)


def convnext_like() -> keras.Model:
    """Keras' ConvNeXt with two blocks in three stages, with the stochastic depth that its presets leave out."""
    return convnext.ConvNeXt(
        depths=[1, 2, 1, 1],
        projection_dims=[8, 12, 16, 20],
        drop_path_rate=0.2,
        default_size=32,
        name="small",
        include_top=True,
        weights=None,
        input_shape=(32, 32, 3),
        classes=10,
        classifier_activation=None,
        weights_name="small",
    )


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_convnext_answers_alike_and_is_made_of_plain_layers(suffix, through):
    original = convnext_like()
    as_if_trained(original)
    assert {"LayerScale", "StochasticDepth"} <= {type(layer).__name__ for layer in original.layers}
    held(original, suffix, through)
