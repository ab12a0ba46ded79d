"""Layers that do nothing when a net answers, or that are plain ones by another name: read so, and nothing else is."""

import inspect
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from nc_core.errors import ModelRefused
from nc_core.intake import read_model
from nc_core.intake.equivalents import EQUIVALENTS
from nc_core.intake.layer_options import DROPPED_ENDINGS, DROPPED_KEYS
from nc_core.models import build, save_keras

L = keras.layers

OPTIONS = {
    **{f"Random{kind}": {"factor": 0.2} for kind in ("Rotation", "Brightness", "Contrast", "Hue")},
    **{f"Random{kind}": {"factor": 0.2} for kind in ("Saturation", "Sharpness", "ColorDegeneration")},
    "RandomPosterization": {"factor": 4},
    "RandomZoom": {"height_factor": (-0.2, 0.3), "width_factor": 0.1, "fill_mode": "wrap"},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2, "interpolation": "nearest"},
    "RandomShear": {"x_factor": (0.0, 0.2), "y_factor": (0.0, 0.1)},
    "ActivityRegularization": {"l1": 0.1},
    "AlphaDropout": {"rate": 0.4},
    "RandomCrop": {"height": 8, "width": 6},
    "Resizing": {"height": 8, "width": 6, "interpolation": "bicubic", "crop_to_aspect_ratio": True, "antialias": True},
}
"""Of the layers that want some."""
NOTHING = [kind for kind, same in EQUIVALENTS.items() if same.kind == "Activation"]


UNSAVED = tuple(
    f"Random{kind}" for kind in ("Brightness", "Saturation", "Sharpness", "Posterization", "ColorDegeneration")
)
"""What Keras 3 cannot save to an `.h5` file."""


def doing_nothing(suffix: str) -> list[keras.layers.Layer]:
    kinds = [kind for kind in NOTHING if suffix == ".keras" or kind not in UNSAVED]
    return [getattr(L, kind)(**OPTIONS.get(kind, {})) for kind in kinds]


def sequential(suffix: str) -> keras.Model:
    end = [L.CenterCrop(5, 3), L.Conv2D(4, 3), L.Flatten(), L.Dense(3)]
    return keras.Sequential([keras.Input((8, 6, 3)), *doing_nothing(suffix), *end])


def functional(suffix: str) -> keras.Model:
    image = keras.Input((8, 6, 3))
    x = image
    for layer in doing_nothing(suffix):
        x = layer(x)
    x = CustomScaleLayer(0.3)([x, L.Conv2D(3, 3, padding="same")(x)])
    x = CustomScaleLayer(-2.0)([L.Conv2D(3, 1)(x), x])
    return keras.Model(image, L.Dense(3)(L.Flatten()(L.CenterCrop(4, 6)(x))))


def nested(suffix: str) -> keras.Model:
    """As tutorials have it: a model of augmentation within the net."""
    image = keras.Input((8, 6, 3))
    x = keras.Sequential([keras.Input((8, 6, 3)), *doing_nothing(suffix)])(image)
    x = keras.Sequential([L.CenterCrop(7, 5), L.Conv2D(3, 2)])(L.Conv2D(3, 1)(x))
    return keras.Model(image, L.Dense(3)(L.Flatten()(x)))


def images() -> np.ndarray:
    """(4, 8, 6, 3): darker and brighter than pictures are, so that nothing is cut off unseen."""
    return (
        np.random.default_rng(2).normal(0, [[[[1]]], [[[30]]], [[[300]]], [[[3000]]]], (4, 8, 6, 3)).astype("float32")
    )


def close(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("form", [sequential, functional, nested])
def test_a_net_with_layers_that_do_nothing_answers_as_with_keras(
    form: Callable[[str], keras.Model], suffix: str, shake, tmp_path: Path
):
    path = tmp_path / f"model{suffix}"
    shake(form(suffix)).save(path)
    own = {"CustomScaleLayer": CustomScaleLayer} if suffix == ".h5" else None
    expected = keras.models.load_model(path, custom_objects=own, compile=False).predict_on_batch(images())
    canonical = read_model(path)
    close(build(canonical).predict_on_batch(images()), expected)
    # And what was read is a net of plain layers, which Keras loads
    save_keras(canonical, tmp_path / "again.keras")
    close(keras.models.load_model(tmp_path / "again.keras").predict_on_batch(images()), expected)


@pytest.mark.parametrize("height", range(1, 9))
def test_a_crop_of_the_middle_is_that_of_keras(height: int, tmp_path: Path):
    # Given sizes that leave an even or an odd number of pixels over
    image = keras.Input((8, 6, 3))
    model = keras.Model(image, L.Flatten()(L.CenterCrop(height, 1 + height % 6)(image)))
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        build(read_model(tmp_path / "model.keras")).predict_on_batch(images()), model.predict_on_batch(images())
    )


INNER = ("self", "kwargs", "args", "name")


@pytest.mark.parametrize("kind", [kind for kind in EQUIVALENTS if hasattr(L, kind)])
def test_every_parameter_of_such_a_layer_is_known(kind: str):
    """A parameter that a new version of Keras adds may change what a layer does when a net answers."""
    parameters = {
        name
        for base in getattr(L, kind).__mro__
        if "__init__" in vars(base)
        for name in inspect.signature(vars(base)["__init__"]).parameters
    }
    known = {*EQUIVALENTS[kind].options, *DROPPED_KEYS, *INNER}
    unknown = {name for name in parameters - known if not name.endswith(DROPPED_ENDINGS)}
    assert unknown <= {"factor"}, "the base class has a factor"


def crop_twice(x):
    crop = L.CenterCrop(4, 4)
    return L.Concatenate()([crop(x), crop(L.ZeroPadding2D(1)(x))])


REFUSED = {
    "another size": (lambda x: L.Resizing(7, 6)(x), "makes images of 7 x 6 of them"),
    "the same size turned": (lambda x: L.Resizing(6, 8)(x), "(None, 8, 6, 3)"),
    "a part of the image": (lambda x: L.RandomCrop(4, 4)(x), "makes images of 4 x 4 of them"),
    "a crop of more than there is": (lambda x: L.CenterCrop(9, 4)(x), "makes images of 9 x 4 of them"),
    "a crop of images of two sizes": (crop_twice, "is called on images of several sizes"),
    "channels first": (lambda x: L.Resizing(6, 3, data_format="channels_first")(x), "channels_last"),
    "a dropout that is on": (lambda x: L.AlphaDropout(0.5)(x, training=True), "'training': True"),
    "another precision": (lambda x: L.RandomFlip(dtype="float16")(x), "computes in 'float16'"),
    "contrast by the image": (lambda x: L.AutoContrast()(x), "AutoContrast"),
    "three inputs": (lambda x: CustomScaleLayer(0.5)([x, x, x]), "takes two inputs and has 3"),
    "other axes": (
        lambda x: CustomScaleLayer(0.5)([x, L.GlobalAveragePooling2D()(x)]),
        "tensors of different numbers of axes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_layer_that_does_something_is_refused(name, tmp_path: Path):
    between, said = REFUSED[name]
    image = keras.Input((8, 6, 3))
    x = L.Conv2D(3, 1, dtype="float32")(between(L.Rescaling(2.0)(image)))
    keras.Model(image, L.Flatten()(x)).save(tmp_path / "model.keras")
    with pytest.raises(ModelRefused) as refused:
        read_model(tmp_path / "model.keras")
    assert said in str(refused.value)
    assert str(refused.value).isprintable()


IN_KERAS_2 = {
    "as Keras 3 has it": {},
    "registered, as Keras 2.15 has it": {"registered_name": "Custom>CustomScaleLayer"},
    "in an old form": {"class_name": "Custom>CustomScaleLayer", "module": None, "registered_name": None},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        *((change, None) for change in IN_KERAS_2.values()),
        ({"registered_name": "Mine>CustomScaleLayer"}, "custom class"),
        ({"class_name": "Mine>CustomScaleLayer", "registered_name": None, "module": None}, "which is not read"),
        ({"module": "mine.inception_resnet_v2", "registered_name": "Custom>CustomScaleLayer"}, "not of Keras"),
    ],
)
def test_the_scaling_of_inception_is_read_by_each_of_its_names_and_no_other(change, said, tmp_path: Path):
    image = keras.Input((8, 6, 3))
    x = L.Rescaling(2.0)(image)
    keras.Model(image, L.Flatten()(CustomScaleLayer(0.5)([x, x]))).save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as source, zipfile.ZipFile(tmp_path / "new.keras", "w") as changed:
        for name in source.namelist():
            text = source.read(name)
            if name == "config.json":
                config = json.loads(text)
                entry = next(each for each in config["config"]["layers"] if each["class_name"] == "CustomScaleLayer")
                entry.update(change)
                text = json.dumps(config).encode()
            changed.writestr(name, text)
    if said is None:
        expected = images().reshape(4, -1) * 3
        close(build(read_model(tmp_path / "new.keras")).predict_on_batch(images()), expected)
        return
    with pytest.raises(ModelRefused, match=said):
        read_model(tmp_path / "new.keras")
