"""Nets whose files leave the size of their pictures open: read with a word of the user, never against the file."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nc_core.datasets.memory import read_memory
from nc_core.errors import DataRefused, ModelRefused
from nc_core.intake import CanonicalModel, read_model
from nc_core.intake.input_shape import image_shape
from nc_core.intake.load import load_canonical
from nc_core.intake.read import read_open_model
from nc_core.models import build
from nc_core.onnx_writer import write_onnx
from nc_core.quarantine.admit import admit_model
from tests.differential.onnx.compare import images, ours, theirs
from tests.differential.onnx.graphs import Graph

layers = keras.layers

KNOWN = [
    ((28, 28, 1), None, (28, 28, 1)),
    ((28, 28), None, (28, 28, 1)),
    ((28, 28), "28x28", (28, 28, 1)),
    ((784,), "28x28", (28, 28, 1)),
    ((3072,), "32x32", (32, 32, 3)),
    ((3072,), "32x32x3", (32, 32, 3)),
    ((None,), "20x10", (20, 10, 1)),
    ((None, None, 3), "20x10", (20, 10, 3)),
    ((None, 10, 3), "20x10x3", (20, 10, 3)),
    ((None, None, None), "20x10x4", (20, 10, 4)),
    (None, "20x10x3", (20, 10, 3)),
    (None, "20x10", (20, 10, 1)),
]


@pytest.mark.parametrize(("sizes", "said", "found"), KNOWN)
def test_what_the_file_leaves_open_is_what_the_user_says(sizes: Any, said: str | None, found: Any) -> None:
    assert image_shape(sizes, said) == found


@pytest.mark.parametrize(
    ("sizes", "said", "line"),
    [
        ((32, 32, 3), "28x28", r"has the shape \(None, 32, 32, 3\), and --input-shape 28x28 says \(28, 28, 3\)"),
        ((32, 32, 3), "32x32x1", "says (32, 32, 1)"),
        ((28, 28), "28x28x3", "says (28, 28, 3)"),
        ((784,), "28x27", "says (28, 27, 1)"),
        ((784,), "28x28x3", "says (28, 28, 3)"),
        ((None, None, 3), None, "--input-shape HEIGHTxWIDTHxCHANNELS"),
        ((784,), None, "pass --input-shape 28x28$"),
        ((3072,), None, "pass --input-shape 32x32x3$"),
        (None, None, "does not say the size of its input"),
        (None, "999999x999999", "unknown"),
        ((2, 8, 8, 3), "8x8", "images (None, height, width, channels)"),
        *((None, said, "pass HEIGHTxWIDTH") for said in ("28", "0x28", "28x28x0", "x", "28X28", "2８x28", "1x2x3x4")),
    ],
)
def test_what_does_not_fit_is_refused(sizes: Any, said: str | None, line: str) -> None:
    with pytest.raises(ModelRefused, match=line if "\\" in line or line.endswith("$") else None) as refused:
        image_shape(sizes, said)
    assert line.strip("$").split("\\")[0] in str(refused.value)


def keras_net(shape: Sequence[int | None]) -> keras.Model:
    keras.utils.set_random_seed(1)
    if len(shape) == 1:
        ends = [layers.Dense(9, activation="relu"), layers.Dense(4)]
    else:
        ends = [layers.Conv2D(3, 3, activation="relu"), layers.GlobalMaxPooling2D(), layers.Dense(4)]
    return keras.Sequential([keras.Input(shape), *ends])


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("own", "said"), [((63,), "9x7"), ((48,), "4x4x3"), ((None, None, 3), "9x7"), ((None, 7, 1), "9x7x1")]
)
def test_a_net_of_keras_answers_to_pictures_as_to_what_it_takes(
    own: Any, said: str, suffix: str, tmp_path: Path
) -> None:
    model = keras_net(own)
    model.save(tmp_path / f"net{suffix}")
    read = admit_model(tmp_path / f"net{suffix}", input_shape=said)
    given = images(read.input_shape, 8)
    expected = model.predict(given.reshape(8, -1) if len(own) == 1 else given, verbose=0)
    assert np.abs(build(read).predict(given, verbose=0) - expected).max() < 1e-5
    # And a net whose size is known needs no word, and takes none against it
    with pytest.raises(ModelRefused, match="--input-shape"):
        read_model(tmp_path / f"net{suffix}")


def onnx_net(*shape: Any, values: int = 63) -> bytes:
    graph = Graph(13, shape)
    return graph.file(graph.answer(graph.op("Relu", graph.image), values))


def read(content: bytes, **reading: Any) -> CanonicalModel:
    return read_open_model(io.BytesIO(content), name="net.onnx", **reading)


@pytest.mark.parametrize(("shape", "said"), [((63,), "9x7"), ((9, 7), None), ((9, 7), "9x7x1")])
def test_an_onnx_net_of_grey_rows_answers_alike_and_is_written_as_it_came(
    shape: tuple[int, ...], said: str | None, tmp_path: Path
) -> None:
    content = onnx_net(*shape)
    model = read(content, input_shape=said)
    given = images((9, 7, 1), 8)
    expected = theirs(content, given.reshape(8, *shape))
    assert np.abs(ours(model, given) - expected).max() < 1e-5
    # And what stands in for it takes what it took, also where the net was kept in between
    model.save(tmp_path / "canonical")
    written = io.BytesIO()
    write_onnx(load_canonical(tmp_path / "canonical"), written)
    assert np.abs(theirs(written.getvalue(), given.reshape(8, *shape)) - expected).max() < 1e-5
    assert read(written.getvalue(), input_shape=said).classes == model.classes


@pytest.mark.parametrize("first", [True, False])
def test_open_sizes_of_an_onnx_net_are_said_by_the_user(first: bool) -> None:
    graph = Graph(13, (3, "height", "width") if first else ("height", None, 3))
    x = graph.image if first else graph.op("Transpose", graph.image, perm=[0, 3, 1, 2])
    content = graph.file(graph.answer(graph.op("GlobalAveragePool", graph.conv(x, 3, 5)), 5))
    model = read(content, input_shape="9x7")
    assert model.input_shape == (9, 7, 3)
    given = images((9, 7, 3), 8)
    expected = theirs(content, np.ascontiguousarray(given.transpose(0, 3, 1, 2)) if first else given)
    assert np.abs(ours(model, given) - expected).max() < 1e-5
    with pytest.raises(ModelRefused, match="--input-shape HEIGHTxWIDTHxCHANNELS"):
        read(content)


def test_a_row_of_colours_in_onnx_is_refused_since_its_order_is_not_known() -> None:
    with pytest.raises(ModelRefused, match="whether the channels come first"):
        read(onnx_net(192, values=192), input_shape="8x8x3")
    with pytest.raises(ModelRefused, match=r"pass --input-shape 28x28$"):
        read(onnx_net(784, values=784))
    with pytest.raises(ModelRefused, match="for colours export"):
        read(onnx_net(192, values=192))


def test_weights_alone_say_their_size_elsewhere(weights_only: Path) -> None:
    with pytest.raises(ModelRefused, match="resnet18@64x64: leave out --input-shape"):
        read_model(weights_only, architecture="deepid", input_shape="55x47")


def test_grey_rows_of_data_are_pictures_of_the_model_s_size() -> None:
    rows = np.random.default_rng(0).integers(0, 256, (40, 63), np.uint8)
    pair = rows, np.arange(40) % 4
    found = read_memory(pair, input_shape=(9, 7, 1))
    assert np.array_equal(found.pixels, rows.reshape(40, 9, 7, 1))
    for shape in ((8, 7, 1), (7, 3, 3), None):
        with pytest.raises(DataRefused, match="have shape 40x63"):
            read_memory(pair, input_shape=shape)
