"""Files as people have them, from the folder of cases: what each of them is read as, or told."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake import read_model
from nc_core.models import build


@pytest.fixture(scope="module")
def cases(shared: Path) -> Path:
    folder = shared / "cases" / "door"
    if not folder.is_dir():
        pytest.skip("shared/cases is not there")
    return folder


READ = {
    "activation-bomb.h5": ((8, 8, 3), "softmax", 3),
    "f2a_resizing_same_size.keras": ((32, 32, 3), "softmax", 5),
    "f2b_augmentation.keras": ((32, 32, 3), "softmax", 5),
    "f3a_28x28_no_channel.keras": ((28, 28, 1), "logits", 10),
    "f4_one_logit.keras": ((32, 32, 3), "single-logit", 2),
    "f5_text_order.keras": ((16, 16, 3), "softmax", 12),
    "f6_ops_softmax.keras": ((32, 32, 3), "softmax", 5),
    "f6_ops_softmax.h5": ((32, 32, 3), "softmax", 5),
    "f7_identity.keras": ((32, 32, 3), "softmax", 5),
    # These Keras 3 does not load.
    "f1a_keras213_linux.keras": ((32, 32, 3), "softmax", 5),
    "f1b_keras215_windows.keras": ((32, 32, 3), "softmax", 5),
    "f9_dropout_noise_shape.keras": ((28, 28, 1), "softmax", 10),
}
UNLOADED = {"name_html.h5": ((8, 8, 3), "softmax", 3), "name_of_ours.h5": ((8, 8, 3), "single-sigmoid", 2)}
"""Whose calls Keras 3 does not read; their names are the point."""

TOLD = {
    "f8_notebook.h5": "Jupyter notebook",
    "input_layer_in_the_middle.h5": "layer 'j' of model 's' is an InputLayer and none of its inputs",
    "two_inputs_then_flatten.h5": "layer 'k' of model 's' is an InputLayer and none of its inputs",
}


@pytest.mark.parametrize("name", TOLD)
def test_a_case_that_is_no_net_is_told_in_one_line(name: str, cases: Path) -> None:
    with pytest.raises(ModelRefused, match=TOLD[name]) as refused:
        read_model(cases / name)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("name", UNLOADED)
def test_a_case_with_odd_names_is_read(name: str, cases: Path) -> None:
    canonical = read_model(cases / name)
    assert (canonical.input_shape, canonical.head, canonical.classes) == UNLOADED[name]


@pytest.mark.parametrize("name", READ)
def test_a_case_is_read_as_the_net_that_keras_has_of_it(name: str, cases: Path, tmp_path: Path) -> None:
    canonical = read_model(cases / name)
    assert (canonical.input_shape, canonical.head, canonical.classes) == READ[name]
    file = for_keras_3(cases / name, tmp_path)
    images = np.random.default_rng(0).random((3, *canonical.input_shape), dtype=np.float32) * np.float32(255)
    said = build(canonical).predict_on_batch(images)
    expected = keras.models.load_model(file, compile=False)(images, training=False)
    np.testing.assert_allclose(said, expected, atol=1e-5 * max(1, np.abs(said).max()))


def for_keras_3(file: Path, folder: Path) -> Path:
    """The file itself, or the same net where Keras 3 finds its weights and takes its options."""
    if not file.name.startswith(("f1", "f9")):
        return file
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(folder / "again.keras", "w") as again:
        config: dict[str, Any] = json.loads(source.read("config.json"))
        for entry in config["config"]["layers"]:
            entry["config"].pop("noise_shape", None)
        again.writestr("config.json", json.dumps(config))
        again.writestr("metadata.json", source.read("metadata.json"))
        again.writestr("model.weights.h5", moved(source.read("model.weights.h5")))
    return folder / "again.keras"


def moved(weights: bytes) -> bytes:
    """The weights where Keras 3 has them: the second layer of a class is number 1."""
    buffer = io.BytesIO()
    with h5py.File(io.BytesIO(weights)) as old, h5py.File(buffer, "w") as new:
        for container, group in old.items():
            layers = {container.split("\\")[1]: group} if "\\" in container else dict(group)
            for name, layer in layers.items():
                old.copy(layer, new, f"layers/{name.replace('_2', '_1')}")
    return buffer.getvalue()
