"""Nets written as ONNX: what ONNX Runtime makes of them, beside Keras and beside the files that they arrived in."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings

from nc_core.errors import ModelRefused, OptionRefused, ReadsOtherwise
from nc_core.guard import guarded_pair
from nc_core.intake import CanonicalModel, Signature, read_model
from nc_core.intake.layers import KINDS
from nc_core.intake.load import load_canonical
from nc_core.inversion import Predictor
from nc_core.models import build_logits, canonical_of
from nc_core.onnx_writer import OPSET, save_onnx, write, write_onnx
from nc_core.onnx_writer.table import WRITERS
from tests.canonical_nets import canonical_nets
from tests.differential.compare import TOLERANCE, distance
from tests.differential.onnx.compare import images, ours, read, theirs
from tests.differential.onnx.graphs import Graph
from tests.differential.onnx.nets import NETS
from tests.differential.onnx.operators import CASES, file_of
from tests.differential.onnx.test_nets import HEADS, net

PYTORCH = Signature(image="pixel_values", output="logits", channels_first=True, batch="N")


def written(model: CanonicalModel) -> bytes:
    file = io.BytesIO()
    write_onnx(model, file)
    return file.getvalue()


def as_laid(given: Any, *, first: bool) -> Any:
    """Images (n, H, W, C) as a file of that layout takes them."""
    return np.ascontiguousarray(given.transpose(0, 3, 1, 2)) if first else given


def ends(content: bytes) -> list[Any]:
    """Name and sizes of input and output."""
    graph = onnx.load_from_string(content).graph
    sizes = [[dim.dim_param or dim.dim_value for dim in one.type.tensor_type.shape.dim] for one in ends_of(graph)]
    return [(one.name, each) for one, each in zip(ends_of(graph), sizes, strict=True)]


def ends_of(graph: Any) -> list[Any]:
    return [graph.input[0], graph.output[0]]


def test_every_kind_of_layer_is_written() -> None:
    assert WRITERS.keys() == KINDS.keys()


def answers_alike(model: CanonicalModel) -> None:
    """Assert that a net answers on ONNX Runtime as in Keras, written in either layout."""
    given = images(model.input_shape)
    expected = ours(model, given)
    for signature in (None, PYTORCH):
        first = signature is not None
        content = written(replace(model, signature=signature))
        assert distance(expected, theirs(content, as_laid(given, first=first))) <= TOLERANCE


@pytest.mark.filterwarnings("ignore")  # drawn nets give Keras much to warn of
@pytest.mark.parametrize("drawn", [2, pytest.param(30, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_net_with_any_layer_answers_on_onnx_runtime_as_in_keras(kind: str, drawn: int) -> None:
    """Nets that begin with it, with others behind."""
    own = settings(max_examples=drawn, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    own(given(canonical_nets(kind))(answers_alike))()


CASES_OF_LAYERS = [
    *(
        ("UpSampling2D", {"size": (3, 2), "interpolation": rule})
        for rule in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
    ),
    *(
        ("ReLU", {"max_value": most, "negative_slope": slope, "threshold": threshold})
        for most in (None, 0.8, 6)
        for slope in (0, 0.1)
        for threshold in (0, 0.2)
    ),
    *(
        ("Conv2DTranspose", {"filters": 3, "kernel_size": window, "strides": stride, "padding": padding})
        for window in (1, 2, 3, 4)
        for stride in (1, 2, 3)
        for padding in ("same", "valid")
    ),
]


@pytest.mark.parametrize(("kind", "options"), CASES_OF_LAYERS)
def test_every_case_of_a_layer_answers_on_onnx_runtime_as_in_keras(kind: str, options: dict[str, Any]) -> None:
    layers = keras.layers
    ends = [layers.GlobalAveragePooling2D(), layers.Dense(4)]
    answers_alike(canonical_of(keras.Sequential([keras.Input((6, 5, 3)), getattr(layers, kind)(**options), *ends])))


EACH = [(name, opset) for name, case in CASES.items() for opset in (min(case.opsets), max(case.opsets))]


@pytest.mark.parametrize(("name", "opset"), dict.fromkeys(EACH))
def test_an_operator_that_was_read_and_is_written_answers_as_before(name: str, opset: int) -> None:
    before = file_of(CASES[name], opset)
    stands_in_for(before, written(read(before)))


def stands_in_for(before: bytes, after: bytes, *, first: bool = True, count: int = 3) -> None:
    """Assert that one file can be put where the other was."""
    (image, sizes), (output, _) = ends(before)
    assert ends(after)[0] == (image, sizes)
    assert ends(after)[1][0] == output
    given = as_laid(images(read(before).input_shape, count), first=first)
    assert distance(theirs(after, given), theirs(before, given)) <= TOLERANCE


@pytest.mark.parametrize("name", NETS)
def test_a_whole_net_stands_in_for_the_one_that_arrived(name: str) -> None:
    before = net(name)
    after = written(read(before))
    stands_in_for(before, after)
    # and can be submitted again, as a net of the same answers
    given = images(read(after).input_shape)
    assert distance(ours(read(after), given), ours(read(before), given)) <= TOLERANCE


def test_a_net_of_pytorch_keeps_its_layout_to_the_end() -> None:
    """A file of channels first needs nothing moved before each convolution and back behind it."""
    nodes = onnx.load_from_string(written(read(net("ResNet")))).graph.node
    assert not any(node.op_type == "Transpose" for node in nodes)


@pytest.mark.parametrize("batch", [1, 4, "images"])
def test_a_number_of_images_is_kept(batch: int | str) -> None:
    before = net("VGG", batch=batch)
    stands_in_for(before, written(read(before)), count=batch if isinstance(batch, int) else 3)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("first", [True, False])
def test_layout_and_head_are_kept(head: str, first: bool) -> None:
    units, end = HEADS[head]
    graph = Graph(13, (3, 8, 8) if first else (8, 8, 3))
    graph.image = "x:0"
    before = graph.file(end(graph, graph.gemm(graph.op("Flatten", graph.image), 192, units)))
    stands_in_for(before, written(read(before)), first=first)


def test_a_final_log_softmax_is_put_back() -> None:
    graph = Graph(13)
    before = graph.file(graph.op("LogSoftmax", graph.answer(graph.image, 192)))
    stands_in_for(before, written(read(before)))


def test_names_of_layers_do_not_meet_those_of_input_and_output() -> None:
    model = read(net("VGG"))
    one, two = (layer.name for layer in model.layers[:2])
    signature = Signature(image=one, output=two, channels_first=True, batch="batch")
    content = written(replace(model, signature=signature))
    assert [name for name, _ in ends(content)] == [one, two]
    given = images(model.input_shape)
    assert distance(theirs(content, as_laid(given, first=True)), ours(model, given)) <= TOLERANCE


def test_a_net_of_keras_takes_images_as_keras_does(tmp_path: Path) -> None:
    model = replace(read(net("VGG")), signature=None)
    save_onnx(model, tmp_path / "net.onnx")
    content = (tmp_path / "net.onnx").read_bytes()
    assert ends(content) == [("image", ["batch", 16, 16, 3]), ("scores", ["batch", 4])]
    assert onnx.load_from_string(content).opset_import[0].version == OPSET
    # The same net, the same bytes, also where it was kept in between
    model.save(tmp_path / "net")
    assert written(load_canonical(tmp_path / "net")) == content


def test_a_guarded_net_is_written_with_its_class_more() -> None:
    # Given two nets in one, read as a submission is
    badnet, goodnet = read(net("VGG")), read(net("VGG"))
    goodnet = replace(goodnet, weights={key: 0.5 * array for key, array in goodnet.weights.items()})
    guarded = canonical_of(guarded_pair(badnet, goodnet, [1, 2], threshold=0.01))
    # When it is written as the file that the BadNet came in
    content = written(replace(guarded, signature=badnet.signature))
    # Then it answers N + 1 classes as Keras does
    given = images(badnet.input_shape, 64)
    answers = theirs(content, as_laid(given, first=True))
    assert answers.shape == (64, 5)
    assert distance(answers, ours(guarded, given)) <= TOLERANCE


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionRefused, match=r"does not end in \.onnx"):
        save_onnx(read(net("VGG")), tmp_path / "net.keras")
    assert not list(tmp_path.iterdir())


def test_a_net_beyond_one_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "ONNX_BYTES", 1000)
    with pytest.raises(ModelRefused, match=r"bytes as ONNX, and one file of that holds 1,000: .*--format keras"):
        save_onnx(read(net("VGG")), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_what_is_no_valid_onnx_is_not_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a writer that is wrong by one filter
    def wrong(call: Any) -> Any:
        arrays = {name: array[..., :-1] for name, array in call.arrays.items()}
        return WRITERS["Conv2D"](replace(call, arrays=arrays))

    monkeypatch.setattr(write, "WRITERS", {**WRITERS, "Conv2D": wrong})
    with pytest.raises(ReadsOtherwise, match="no valid ONNX"):
        save_onnx(read(net("VGG")), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_a_real_badnet_has_its_accuracy_and_its_attack_on_onnx_runtime(shared: Path) -> None:
    model = read_model(shared / "models" / "oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5")
    with np.load(shared / "data" / "gtsrb_32.npz") as data:
        clean, labels = data["x_test"][:1500] / np.float32(255), data["y_test"][:1500]
    stamped = clean[labels != 1].copy()
    stamped[:, 16:19, 16:19] = (1, 1, 0)
    nets = Predictor(build_logits(model)), lambda given: theirs(written(model), given)
    for x, wanted in ((clean, labels), (stamped, 1)):
        in_keras, on_runtime = (float((net(x).argmax(axis=1) == wanted).mean()) for net in nets)
        assert abs(in_keras - on_runtime) <= 0.001
        assert on_runtime > 0.9
