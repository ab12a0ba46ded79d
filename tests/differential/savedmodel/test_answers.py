"""A net of a SavedModel answers as Keras 2, which wrote it, answered."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf

from nc_core.intake import CanonicalModel, read_model
from nc_core.models import build, save_keras
from nc_core.quarantine.admit import admit_model
from tests import saved_models
from tests.differential.onnx.compare import images
from tests.differential.savedmodel.record import ANSWERS, HERE, IMAGES, NETS, SHAPE
from tests.hostile import seeds


def check_answers(model: CanonicalModel, name: str) -> None:
    theirs = json.loads(ANSWERS.read_text())[name]
    ours = build(model).predict(images(SHAPE, IMAGES), verbose=0)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("name", NETS)
def test_a_saved_model_answers_as_in_keras_2(name: str, tmp_path: Path) -> None:
    read = admit_model(HERE / f"{name}.zip")
    check_answers(read, name)
    assert "deploy the scanned one" in read.note
    save_keras(read, tmp_path / "scanned.keras")  # reads what it wrote and compares
    # And as the folder that it was
    with zipfile.ZipFile(HERE / f"{name}.zip") as archive:
        archive.extractall(tmp_path / "folder")
    (tmp_path / "folder" / "saved_model.pb").write_bytes(b"a program")
    assert admit_model(tmp_path / "folder").equals(read)
    assert read_model(tmp_path / "folder").equals(read)


def test_places_of_a_tensor_in_an_h5_of_keras_2_answer_as_there(tmp_path: Path) -> None:
    # Given the configuration that Keras 2 wrote into an .h5, and the weights of the same net
    config = json.loads(ANSWERS.read_text())["places.h5"]
    weights = admit_model(HERE / "places.zip").weights
    names = {entry["class_name"]: entry["name"] for entry in config["config"]["layers"]}
    arrays = {
        names[kind]: {
            weight: next(weights[key] for key in weights if stem in key and key.endswith(weight))
            for weight in ("kernel", "bias")
        }
        for kind, stem in (("Conv2D", "conv2d"), ("Dense", "dense"))
    }

    def of_keras_2(file: h5py.File) -> None:
        file.attrs["keras_version"] = "2.15.0"

    seeds.write_h5(tmp_path / "places.h5", config, arrays, of_keras_2)
    check_answers(admit_model(tmp_path / "places.h5"), "places")


def test_tensorflow_reads_what_is_written_by_hand_as_we_do(tmp_path: Path) -> None:
    saved = saved_models.classifier()
    for name, content in saved.members().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    theirs = tf.train.load_checkpoint(str(tmp_path / "variables" / "variables"))
    assert theirs.get_tensor(saved_models.GRAPH_KEY) == saved.graph()
    for key, array in saved.variables.items():
        np.testing.assert_array_equal(theirs.get_tensor(key), array)
    (tmp_path / "saved_model.pb").touch()
    assert read_model(tmp_path).equals(read_model(seeds.write_h5(tmp_path / "same.h5")))
