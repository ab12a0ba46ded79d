"""The scanned net as one plain Keras file: what it holds, in a process that knows nothing of this project."""

import io
import json
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from nc_core.errors import OptionRefused, ReadsOtherwise
from nc_core.intake import CanonicalModel, read_model
from nc_core.intake.layers import KINDS
from nc_core.models import build, canonical_of, keras_file, save_keras
from nc_core.quarantine.admit import admit_model
from tests.canonical_nets import canonical_nets

L = keras.layers
PLAIN_KERAS = """
import pathlib, sys, warnings
import keras, numpy
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    with warnings.catch_warnings(action="error"):
        model = keras.models.load_model(path)
    answers = model(numpy.load(path.with_suffix(".npy")), training=False)
    numpy.save(path.with_suffix(".answers.npy"), keras.ops.convert_to_numpy(answers))
assert not [name for name in sys.modules if name.startswith("nc_")]
"""


def written(model: CanonicalModel, path: Path) -> bytes:
    save_keras(model, path)
    return path.read_bytes()


def images_for(model: CanonicalModel, count: int = 4) -> np.ndarray:
    return np.random.default_rng(0).random((count, *model.input_shape), dtype=np.float32)


def in_plain_keras(folder: Path, nets: Mapping[str, CanonicalModel]) -> None:
    """Every file of the folder is loaded by Keras alone and answers as the net that a scan would run."""
    for name, net in nets.items():
        np.save(folder / f"{name}.npy", images_for(net))
    subprocess.run([sys.executable, "-I", "-c", PLAIN_KERAS, str(folder)], check=True)
    for name, net in nets.items():
        with warnings.catch_warnings(action="ignore"):  # A softmax over one value is odd, and may be in a net.
            ours = keras.ops.convert_to_numpy(build(net)(images_for(net), training=False))
        theirs = np.load(folder / f"{name}.answers.npy")
        # Scores of nets with random weights have no bound: what is said of them is said of their size.
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5, err_msg=name)


def test_every_net_comes_back_as_it_was_written_and_plain_keras_answers_alike(tmp_path: Path) -> None:
    nets: dict[str, CanonicalModel] = {}

    def held(net: CanonicalModel) -> None:
        # Given a net, when it is written, read as a submission is, and written again
        name = f"{len(nets):04}"
        first = written(net, tmp_path / f"{name}.keras")
        read = read_model(tmp_path / f"{name}.keras")
        # Then it is the same canonical model, and the same bytes
        assert read.equals(net)
        assert written(read, tmp_path / f"{name}.keras") == first
        nets[name] = net

    for kind in KINDS:
        quick = settings(max_examples=2, database=None, suppress_health_check=list(HealthCheck))
        quick(given(canonical_nets(kind))(held))()
    assert {layer.kind for net in nets.values() for layer in net.layers} == set(KINDS)
    assert {net.head for net in nets.values()} == {"softmax", "logits", "sigmoid", "single-sigmoid"}
    # and the net that Keras loads is the one that is scanned
    in_plain_keras(tmp_path, nets)


REAL = (
    *("sunglasses_bd_net.h5", "three_triggers_bd_net.h5", "seed_fine_pruned_sunglasses_net.h5"),
    *("oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5", "clean_gtsrb_30x30_KDTEC_traffic_classifier.h5"),
    *("clean_mnist_gnudisme_mnist_cnn.h5", "csaw2020_C_mnist_clean_label_bd_net.h5"),
    *("csaw2020_F_mnist_all_to_all_bd_net.h5", "csaw2020_sunglasses_bd_weights.h5"),
)


def test_nets_that_others_trained_come_back_through_the_door(shared: Path, tmp_path: Path) -> None:
    nets = {}
    for file in REAL:
        name = file.partition(".")[0]
        net = nets[name] = read_model(shared / "models" / file, architecture="deepid" if "weights" in file else None)
        save_keras(net, tmp_path / f"{name}.keras")
        digest = net.save(tmp_path / "canonical")
        assert admit_model(tmp_path / f"{name}.keras").save(tmp_path / "again") == digest, name
    in_plain_keras(tmp_path, nets)


def nested(order: str) -> keras.Model:
    """A model of two inputs within another, called on two branches, straight or turned round."""
    left, right = keras.Input((6, 6, 2)), keras.Input((6, 6, 2))
    x = L.Conv2D(2, 3, name="inner")(left)
    inner = keras.Model([left, right], L.Add()([x, L.Conv2D(2, 3, name="other")(right)]))
    image = keras.Input((6, 6, 2))
    one, two = L.Conv2D(2, 1, name="one")(image), L.Conv2D(2, 1, name="two")(image)
    x = inner([two, one] if order == "turned" else [one, two])
    return keras.Model(image, L.Dense(3)(L.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize("order", ["straight", "turned"])
def test_a_nested_net_is_the_same_canonical_model_as_its_flat_form(
    order: str, shake: Callable[[keras.Model], keras.Model], tmp_path: Path
) -> None:
    # Given a net around a model of two inputs, in a file of the years before Keras wrote a mask into its calls
    shake(nested(order)).save(tmp_path / "nested.h5")
    with h5py.File(tmp_path / "nested.h5", "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace('"mask": [null, null]', '"mask": null')
    # When it is written as we write it, and read again
    net = read_model(tmp_path / "nested.h5")
    save_keras(net, tmp_path / "flat.keras")
    # Then it is the same canonical model
    assert read_model(tmp_path / "flat.keras").save(tmp_path / "2") == net.save(tmp_path / "1")


def classifier(shake: Callable[[keras.Model], keras.Model]) -> CanonicalModel:
    image = keras.Input((6, 6, 2))
    x = L.GaussianNoise(0.1)(L.Dropout(0.2)(L.Conv2D(3, 3, name="conv")(image)))
    x = L.MaxPooling2D(2)(L.Normalization()(L.BatchNormalization()(x)))
    return canonical_of(shake(keras.Model(image, L.Dense(3, activation="softmax")(L.Flatten()(x)))))


def test_the_same_net_is_the_same_bytes_in_another_process_at_another_time(
    shake: Callable[[keras.Model], keras.Model], tmp_path: Path
) -> None:
    # Given a net written here, after other layers took Keras' automatic names
    net = classifier(shake)
    net.save(tmp_path / "canonical")
    here = written(net, tmp_path / "here.keras")
    # When another process, whose sets have another order, writes it
    program = (
        "import sys, pathlib; from nc_core.intake import load_canonical; from nc_core.models import save_keras\n"
        "save_keras(load_canonical(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2]))"
    )
    there = tmp_path / "there.keras"
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "canonical"), str(there)], check=True)
    # Then there is no difference, and no date in it
    assert there.read_bytes() == here
    with zipfile.ZipFile(there) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert json.loads(archive.read("metadata.json")) == {"keras_version": keras.version()}


def weights_of(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Every group's attributes and every array, by its place."""
    with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        found: dict[str, Any] = {}
        file.visititems(
            lambda name, item: found.update(
                {name: item[()].tobytes() if isinstance(item, h5py.Dataset) else dict(item.attrs)}
            )
        )
        return found


def test_the_file_says_what_keras_would_say_of_the_same_net(
    shake: Callable[[keras.Model], keras.Model], tmp_path: Path
) -> None:
    # Given a net in our file, and as Keras saves it
    net = classifier(shake)
    written(net, tmp_path / "ours.keras")
    build(net).save(tmp_path / "keras.keras")
    ours, theirs = (zipfile.ZipFile(tmp_path / name) for name in ("ours.keras", "keras.keras"))
    with ours, theirs:
        # Then the members are the same, in the same order, and the weights are
        assert ours.namelist() == theirs.namelist()
        assert weights_of(ours) == weights_of(theirs)
        mine, keras_own = (json.loads(archive.read("config.json")) for archive in (ours, theirs))
        # and whatever we say of the model, and of a layer, Keras says too
        for where in (lambda config: config, lambda config: config["config"]):
            told = {key: value for key, value in where(mine).items() if key not in ("config", "layers")}
            assert told.items() <= where(keras_own).items()
        for layer, same in zip(mine["config"]["layers"], keras_own["config"]["layers"], strict=True):
            told, full = layer["config"], same["config"]
            assert {key: full[key] for key in told if key != "dtype"} == {
                key: told[key] for key in told if key != "dtype"
            }
            plain = {"config", "inbound_nodes"}
            assert {k: v for k, v in layer.items() if k not in plain}.items() <= same.items()
            args = [[node["args"] for node in entry["inbound_nodes"]] for entry in (layer, same)]
            assert args[0] == args[1]


def test_a_file_that_would_read_as_another_net_is_not_handed_out(
    shake: Callable[[keras.Model], keras.Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a writer that leaves the last bit of one weight out, or says another option
    net = classifier(shake)
    other = {**net.weights, "conv/bias": np.nextafter(net.weights["conv/bias"], np.float32(9))}
    monkeypatch.setattr(keras_file, "build", lambda _: build(replace(net, weights=other)))
    with pytest.raises(ReadsOtherwise, match="another net than it was written from"):
        save_keras(net, tmp_path / "scanned.keras")
    # Then nothing lies under the name, and nothing half made beside it
    assert list(tmp_path.iterdir()) == []


def test_a_name_by_which_keras_would_expect_another_format_is_refused(
    shake: Callable[[keras.Model], keras.Model], tmp_path: Path
) -> None:
    with pytest.raises(OptionRefused, match=r"does not end in \.keras"):
        save_keras(classifier(shake), tmp_path / "scanned.h5")


def test_what_the_reader_would_refuse_is_not_handed_out_either(
    shake: Callable[[keras.Model], keras.Model], tmp_path: Path
) -> None:
    net = classifier(shake)
    other = {**net.weights, "conv/bias": np.full_like(net.weights["conv/bias"], np.nan)}
    with pytest.raises(ReadsOtherwise, match="refused here"):
        save_keras(replace(net, weights=other), tmp_path / "scanned.keras")
