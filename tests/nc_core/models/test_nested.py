"""Nested models, shared layers, frozen bases: flattened into one net that answers alike."""

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake import read_model
from nc_core.models import build

L = keras.layers


def functional_base(name="base"):
    image = keras.Input((8, 8, 3))
    x = L.BatchNormalization(name="norm")(L.Conv2D(4, 3, name="conv")(image))
    x = L.BatchNormalization(name="norm_2")(L.Conv2D(4, 3, name="conv_2")(x))
    return keras.Model(image, L.ReLU(name="relu")(x), name=name)


def sequential_base(name="base"):
    return keras.Sequential(
        [keras.Input((8, 8, 3)), L.Conv2D(4, 3, name="conv"), L.BatchNormalization(name="norm"), L.ReLU()],
        name=name,
    )


def frozen(base):
    base.trainable = False
    return base


def half_frozen(base):
    base.get_layer("conv").trainable = False
    base.get_layer("norm").trainable = False
    return base


def transfer(base):
    image = keras.Input((8, 8, 3))
    x = L.GlobalAveragePooling2D()(base(L.Rescaling(0.5)(image), training=False))
    return keras.Model(image, L.Dense(3, activation="softmax")(x))


def stacked(base):
    return keras.Sequential([base, L.GlobalAveragePooling2D(), L.Dense(3, activation="softmax")])


def twins(base):
    """One base called on two views of the image, and its first output used after its second."""
    image = keras.Input((8, 8, 3))
    one, two = base(image), base(L.Permute((2, 1, 3))(image))
    x = L.Subtract()([L.Flatten()(two), L.Flatten()(one)])
    return keras.Model(image, L.Dense(3, activation="softmax")(x))


def ends_in_a_shared_model(base):  # noqa: ARG001
    """The last layer is itself a model that is called twice; the output is its second call."""
    image = keras.Input((8, 8, 3))
    mixer = keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(3, 1)], name="mixer")
    twice = mixer(mixer(image))
    return keras.Model(image, L.Softmax()(L.GlobalAveragePooling2D()(twice)))


def two_of_a_name(base):
    """Two nested models whose layers have the same names."""
    image = keras.Input((8, 8, 3))
    other = keras.models.clone_model(base)
    other.name = "other"
    x = L.Concatenate()([L.Flatten()(base(image)), L.Flatten()(other(image))])
    return keras.Model(image, L.Dense(3, activation="softmax")(x))


def doubly_nested(base):
    inner = keras.Sequential([base, L.Conv2D(4, 1, name="conv")], name="middle")
    return stacked(inner)


NETS = [transfer, stacked, twins, ends_in_a_shared_model, two_of_a_name, doubly_nested]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("state", [lambda base: base, frozen, half_frozen], ids=["trainable", "frozen", "half-frozen"])
@pytest.mark.parametrize("base", [functional_base, sequential_base])
@pytest.mark.parametrize("make", NETS)
def test_a_nested_net_answers_alike(make, base, state, suffix, shake, through):
    canonical = through(shake(make(state(base()))), suffix)
    # Then the form is flat and its names are unique
    names = [layer.name for layer in canonical.layers]
    assert len(set(names)) == len(names)
    assert {layer.kind for layer in canonical.layers}.isdisjoint({"Functional", "Sequential"})


@pytest.mark.parametrize("state", [lambda base: base, frozen, half_frozen], ids=["trainable", "frozen", "half-frozen"])
def test_weights_of_a_nested_model_are_found_by_order_where_names_say_nothing(state, shake, tmp_path: Path):
    # Given a file whose weight names do not name the layers (Keras 2 wrote such after cloning)
    model = shake(transfer(state(functional_base())))
    path = tmp_path / "renamed.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        group = file["model_weights/base"]
        for number, name in enumerate(names := list(group.attrs["weight_names"])):
            group[f"v{number}"] = group[name][()]
        group.attrs["weight_names"] = [f"v{number}" for number in range(len(names))]
    # When it is read and built
    images = np.random.default_rng(1).random((3, 8, 8, 3), dtype=np.float32)
    built = build(read_model(path))
    # Then the arrays lie where Keras would put them
    np.testing.assert_allclose(built.predict_on_batch(images), model.predict_on_batch(images), rtol=1e-5, atol=1e-6)


def test_a_normalization_inside_a_model_of_an_h5_file_is_refused(shake, tmp_path: Path):
    # Given a net that Keras 3 loads without the mean and the variance that the file has
    image = keras.Input((8, 8, 3))
    base = keras.Model(image, L.Conv2D(2, 3)(L.Normalization()(image)), name="base")
    model = shake(stacked(base))
    base.layers[1].finalize_state()
    model.save(tmp_path / "model.h5")
    images = np.random.default_rng(1).random((3, 8, 8, 3), dtype=np.float32)
    loaded = keras.models.load_model(tmp_path / "model.h5", compile=False)
    assert np.abs(loaded.predict_on_batch(images) - model.predict_on_batch(images)).max() > 1e-4
    # Then it is refused, and read in Keras' own format
    with pytest.raises(ModelRefused, match=r"'base' has a Normalization.*does not use"):
        read_model(tmp_path / "model.h5")
    model.save(tmp_path / "model.keras")
    built = build(read_model(tmp_path / "model.keras"))
    np.testing.assert_allclose(built.predict_on_batch(images), model.predict_on_batch(images), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [transfer, twins])
def test_a_nested_net_in_the_form_of_keras_2_answers_alike(make, shake, tmp_path: Path):
    # Given a Keras 2 file: calls as lists, a nested model's first call counted as 1
    model = shake(make(functional_base()))
    path = tmp_path / "keras2.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            layer["inbound_nodes"] = [as_keras_2(node) for node in layer["inbound_nodes"]]
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.4.0"
    # Then it answers as the original does
    images = np.random.default_rng(1).random((3, 8, 8, 3), dtype=np.float32)
    built = build(read_model(path))
    np.testing.assert_allclose(built.predict_on_batch(images), model.predict_on_batch(images), rtol=1e-5, atol=1e-6)


def as_keras_2(node):
    tensors = node["args"][0] if isinstance(node["args"][0], list) else [node["args"][0]]
    histories = [tensor["config"]["keras_history"] for tensor in tensors]
    return [[name, index + (name == "base"), tensor, {}] for name, index, tensor in histories]


def test_branches_that_do_not_reach_the_output_are_left_out(shake, through):
    image = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3, name="used")(image)
    side = keras.Model(image, [L.Dense(3, activation="softmax")(L.Flatten()(x)), L.Conv2D(2, 1, name="unused")(x)])
    canonical = through(shake(keras.Model(image, side.outputs[0])), ".keras")
    assert [layer.name for layer in canonical.layers if layer.kind == "Conv2D"] == ["used"]
