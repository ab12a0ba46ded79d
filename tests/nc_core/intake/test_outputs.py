"""Files with several outputs: the one that is asked for is read, with its own weights, and the others are not."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from onnx import TensorProto, helper

from nc_core.errors import ModelRefused
from nc_core.face.inputs import net_of
from nc_core.intake import read_model
from nc_core.intake.load import load_canonical
from nc_core.intake.read import read_open_model
from nc_core.models import build
from nc_core.quarantine.admit import admit_model
from tests.differential.onnx.compare import images, ours
from tests.differential.onnx.graphs import Graph

layers = keras.layers


def branched(outputs: Callable[[Any, Any], Any] = lambda shape, colour: [colour, shape]) -> keras.Model:
    """Colours of three classes and shapes of four, out of one trunk; layers of either class in both branches."""
    keras.utils.set_random_seed(3)
    image = keras.Input((8, 8, 3))
    trunk = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(image))
    shape = layers.Flatten()(layers.Conv2D(2, 3, activation="relu")(trunk))
    shape = layers.Dense(4, activation="softmax", name="shape")(layers.Dense(6, activation="relu")(shape))
    colour = layers.GlobalAveragePooling2D()(layers.Conv2D(5, 1, activation="relu")(trunk))
    colour = layers.Dense(3, activation="softmax", name="colour")(colour)
    return keras.Model(image, outputs(shape, colour))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", ["colour", "shape"])
def test_an_output_that_is_asked_for_answers_as_in_keras(name: str, suffix: str, tmp_path: Path) -> None:
    model, path = branched(), tmp_path / f"net{suffix}"
    model.save(path)
    # When it is read as a submitted file is
    read = admit_model(path, output=name)
    # Then it is that branch, bit by bit
    given = images((8, 8, 3), 16)
    expected = keras.Model(model.inputs, model.get_layer(name).output).predict(given, verbose=0)
    assert np.array_equal(build(read).predict(given, verbose=0), expected)
    assert read.note == f"of the 2 outputs of the file '{name}' is scanned, the others are not"


def test_the_branch_alone_is_the_same_net(tmp_path: Path) -> None:
    model = branched()
    keras.Model(model.inputs, model.get_layer("shape").output).save(tmp_path / "alone.keras")
    model.save(tmp_path / "both.keras")
    assert read_model(tmp_path / "both.keras", output="shape").equals(read_model(tmp_path / "alone.keras"))


def test_outputs_by_name_are_called_by_it(tmp_path: Path) -> None:
    model = branched(lambda shape, colour: {"what": shape, "which colour": colour})
    model.save(tmp_path / "net.keras")
    assert read_model(tmp_path / "net.keras", output="what").classes == 4
    with pytest.raises(ModelRefused, match=r"has 2 outputs, .*'what'.*'which colour'.*--output NAME"):
        read_model(tmp_path / "net.keras")


def test_a_net_in_memory_has_outputs_likewise() -> None:
    model, data = branched(), np.zeros((4, 8, 8, 3), np.float32)
    assert net_of(model, data, output="shape").classes == 4
    with pytest.raises(ModelRefused, match="has 2 outputs, 'colour', 'shape'; a classifier has one: say which it is"):
        net_of(model, data)


def test_an_output_that_is_not_there_is_refused_with_those_that_are(archive: Path) -> None:
    with pytest.raises(ModelRefused, match="has no output 'other'; it has 'answer': pass --output with one of these"):
        read_model(archive, output="other")
    assert read_model(archive, output="answer").equals(read_model(archive))


def test_weights_alone_have_no_outputs_to_choose_from(weights_only: Path) -> None:
    with pytest.raises(ModelRefused, match="leave out --output answer"):
        read_model(weights_only, architecture="deepid", output="answer")


def test_a_model_with_two_outputs_within_another_is_refused(tmp_path: Path) -> None:
    image = keras.Input((8, 8, 3))
    keras.Model(image, branched()(image)[0]).save(tmp_path / "net.keras")
    with pytest.raises(ModelRefused, match=r"takes output|2 outputs and is part of another one"):
        read_model(tmp_path / "net.keras")


def two_headed(*, names: tuple[str, str] = ("scores", "depth")) -> bytes:
    """An ONNX net whose second output comes out of an operator that is not read."""
    graph = Graph(13)
    trunk = graph.op("Relu", graph.conv(graph.image, 3, 4))
    answer, depth = graph.answer(trunk, 256), graph.op("Sin", graph.conv(trunk, 4, 1))
    graph.nodes[-1].output[0] = depth = names[1]
    next(node for node in graph.nodes if node.output[0] == answer).output[0] = names[0]
    model = graph.model(names[0])
    model.graph.output.append(helper.make_tensor_value_info(depth, TensorProto.FLOAT, None))
    return bytes(model.SerializeToString())


def read(content: bytes, **reading: Any) -> Any:
    return read_open_model(io.BytesIO(content), name="net.onnx", **reading)


def test_of_an_onnx_file_what_leads_to_other_outputs_is_left_out(tmp_path: Path) -> None:
    import onnxruntime

    content = two_headed()
    model = read(content, output="scores")
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    given = images(model.input_shape, 16)
    (expected,) = session.run(["scores"], {"image": np.ascontiguousarray(given.transpose(0, 3, 1, 2))})
    assert np.abs(ours(model, given) - expected).max() < 1e-4
    # And a file that stands in for it has this output alone, by its name
    assert model.signature is not None
    assert model.signature.output == "scores"
    model.save(tmp_path / "canonical")
    assert load_canonical(tmp_path / "canonical").note == model.note != ""


def test_an_onnx_file_without_a_word_of_the_output_is_refused_with_their_names() -> None:
    with pytest.raises(ModelRefused, match=r"has 2 outputs, 'scores', 'depth'; .*--output NAME"):
        read(two_headed())
    with pytest.raises(ModelRefused, match="the operator 'Sin'"):
        read(two_headed(), output="depth")


@pytest.mark.parametrize(
    ("names", "said"),
    [(("scores", "scores"), "two values of the name"), (("a" * 200, "b\n" * 30), "--output NAME")],
)
def test_names_of_outputs_cannot_deceive(names: tuple[str, str], said: str) -> None:
    with pytest.raises(ModelRefused, match=said) as refused:
        read(two_headed(names=names))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 400
