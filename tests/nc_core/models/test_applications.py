"""Well-known nets at small sizes, end to end."""

import keras
import numpy as np
import pytest

NETS = ["MobileNetV2", "ResNet50", "DenseNet121", "EfficientNetB0", "VGG16"]


@pytest.mark.parametrize("name", NETS)
def test_logits_equal_those_of_the_original(name, through):
    # Given the net of keras.applications, with its last layer linear so that a softmax hides nothing
    original = getattr(keras.applications, name)(
        weights=None, input_shape=(32, 32, 3), classes=7, classifier_activation=None
    )
    as_if_trained(original)
    # When it goes through file and canonical form
    canonical = through(original, ".keras")
    # Then it is a net of 7 logits of the same size
    assert (canonical.head, canonical.classes, canonical.input_shape) == ("logits", 7, (32, 32, 3))
    assert abs(canonical.parameters - original.count_params()) <= 1  # a Normalization's counter is no weight


def as_if_trained(model: keras.Model) -> None:
    """Normalisations that pass the image on, as training leaves them, and that tell layers and arrays
    apart.
    """
    generator = np.random.default_rng(7)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0  # one step of training sets the moments to those of its batch
        layer.gamma.assign(generator.uniform(0.5, 1.5, layer.gamma.shape))
        layer.beta.assign(generator.normal(0, 0.2, layer.beta.shape))
    model(generator.random((4, 32, 32, 3)) * np.array([0.5, 1, 2, 4]).reshape(4, 1, 1, 1), training=True)
