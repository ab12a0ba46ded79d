"""Writes the SavedModels of this folder anew, and `answers.json`: what Keras 2 answers to drawn images with their nets.

    python -m tests.differential.savedmodel.record

It needs tf_keras of TensorFlow's version, which this project does not. Of a folder the three files are kept that are
read, packed, and of the net that takes places out of tensors also the configuration that it has in an `.h5` file.
"""

import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nc_core.intake.savedmodel.folder import FILES
from tests.differential.onnx.compare import images

HERE = Path(__file__).parent
ANSWERS = HERE / "answers.json"
SHAPE, IMAGES = (8, 8, 3), 8


def sequential(keras: Any) -> Any:
    """A row of layers, which the recording trains."""
    layers = keras.layers
    ends = [layers.Dropout(0.3), layers.Flatten(), layers.Dense(3, activation="softmax")]
    first = [layers.Rescaling(2.0, -1.0, input_shape=SHAPE), layers.Conv2D(4, 3, activation="relu")]
    return keras.Sequential([*first, layers.BatchNormalization(), layers.MaxPooling2D(), *ends])


def branches(keras: Any) -> Any:
    """Two branches with batch normalization, which meet, and layers whose weights have names of their own."""
    layers = keras.layers
    image = keras.Input(SHAPE)
    x = layers.SeparableConv2D(4, 3, padding="same")(layers.Normalization(mean=0.5, variance=0.1)(image))
    left = layers.ReLU()(layers.BatchNormalization()(x))
    right = layers.BatchNormalization(scale=False)(layers.Conv2D(4, 1, use_bias=False)(x))
    x = layers.LayerNormalization()(layers.DepthwiseConv2D(3)(layers.Add()([left, right])))
    x = layers.Flatten()(layers.PReLU(shared_axes=[1, 2])(x))
    return keras.Model(image, layers.Dense(3, activation="softmax")(x))


def nested(keras: Any) -> Any:
    """A frozen model and a Sequential within a model, and a layer that is called twice."""
    layers = keras.layers
    image, inner = keras.Input(SHAPE), keras.Input(SHAPE)
    frozen = keras.Model(inner, layers.BatchNormalization()(layers.Conv2D(3, 3, padding="same")(inner)))
    frozen.trainable = False
    twice = layers.Conv2D(3, 3, activation="relu")
    head = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(4), layers.LeakyReLU(0.2)])
    return keras.Model(image, layers.Dense(3, activation="softmax")(head(twice(twice(frozen(image))))))


def places(keras: Any) -> Any:
    """Places of a tensor by index, and arithmetic."""
    layers = keras.layers
    image = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3)(image * 2.0 - 1.0)
    taken = [x[:, 0], x[..., :3], x[:, 1:4, -2], x[:, :, :, -1], x[:, 2:100:1, 1, 1:3]]
    x = layers.Concatenate()([layers.Flatten()(each) for each in taken])
    return keras.Model(image, layers.Dense(3, activation="softmax")(x))


NETS: dict[str, Callable[[Any], Any]] = {each.__name__: each for each in (sequential, branches, nested, places)}


def drawn(net: Any) -> None:
    """Give the net weights that are no beginner's: variances above 0, and nothing else as it was."""
    random = np.random.default_rng(3)
    values = [random.normal(0, 0.4, array.shape) for array in net.get_weights()]
    net.set_weights([np.abs(v) + 0.5 if "variance" in w.name else v for v, w in zip(values, net.weights, strict=True)])


def record(keras: Any, name: str, folder: Path) -> list[list[float]]:
    """Write the net's file; returns its answers."""
    net, given = NETS[name](keras), images(SHAPE, IMAGES)
    drawn(net)
    if name == "sequential":
        net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        net.fit(given, np.arange(IMAGES) % 3, verbose=0)
    net.save(folder / name, save_format="tf")
    with zipfile.ZipFile(HERE / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in FILES:
            archive.writestr(zipfile.ZipInfo(file), (folder / name / file).read_bytes(), zipfile.ZIP_DEFLATED)
    answers: list[list[float]] = np.round(net.predict(given, verbose=0).astype(float), 8).tolist()
    return answers


def main() -> None:
    """Write it all."""
    import tf_keras as keras

    with tempfile.TemporaryDirectory() as folder:
        keras.utils.set_random_seed(3)
        answers: dict[str, Any] = {name: record(keras, name, Path(folder)) for name in NETS}
        places(keras).save(Path(folder) / "places.h5")
        with h5py.File(Path(folder) / "places.h5") as file:
            answers["places.h5"] = json.loads(file.attrs["model_config"])
    ANSWERS.write_text(json.dumps(answers, indent=1) + "\n")


if __name__ == "__main__":
    main()
