"""Random changes of valid files: whatever comes out is refused in one line, or admitted as a plain model or images."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nc_core.datasets.layout import Wanted
from nc_core.datasets.reading import read_file
from nc_core.errors import DataRefused, InputRefused, ModelRefused
from nc_core.intake.read import read_open_model
from nc_core.quarantine.admit import admit_images, admit_model
from tests.hostile import seeds
from tests.hostile.fuzz import run_batch
from tests.hostile.mutations import DATA, MODELS, mutated
from tests.hostile.test_corpus import assert_for_people, plain

AT_THE_DOOR = 12


def in_one_line(read: Callable[[], object], refused: type[InputRefused]) -> None:
    """Read, or be refused in one line; anything else that is raised goes through."""
    line = ""
    try:
        read()
    except refused as error:
        line = str(error)
    assert line.isprintable()
    assert_for_people(line)


@pytest.mark.parametrize("number", range(AT_THE_DOOR))
def test_a_changed_model_in_quarantine(number: int, tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(mutated(MODELS, number))
    in_one_line(lambda: plain(admit_model(path)), ModelRefused)


@pytest.mark.parametrize("number", range(AT_THE_DOOR))
def test_changed_data_in_quarantine(number: int, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(mutated(DATA, number))
    in_one_line(lambda: admit_images(path), DataRefused)


@pytest.mark.parametrize("kind", ["model", "onnx", "pytorch", "saved", "data"])
def test_the_readers_raise_nothing_but_refusals(kind: str) -> None:
    # Given many changes, read in a process of their own since one may end it
    outcomes = run_batch(kind, range(2_000_000, 2_000_500))
    assert {outcome for outcome in outcomes.values() if not outcome.startswith("died")} <= {"read", "refused", "memory"}
    assert len(outcomes) > 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
OPTIONS = [
    (layer, option)
    for layer, options in {
        "picture": ["batch_shape"],
        "conv": ["filters", "kernel_size", "strides", "padding", "activation", "groups", "dilation_rate", "use_bias"],
        "norm": ["axis", "epsilon", "momentum", "center", "scale"],
        "answer": ["units", "activation"],
    }.items()
    for option in options
]


@settings(max_examples=150)
@given(place=st.sampled_from(OPTIONS), value=json_values)
def test_any_value_of_an_option(place: tuple[str, str], value: object) -> None:
    config = seeds.classifier()
    layer, option = place
    seeds.layer(config, layer)["config"][option] = value
    content = seeds.content(lambda buffer: seeds.write_h5(buffer, config))
    in_one_line(lambda: plain(read_open_model(io.BytesIO(content), name="model.h5")), ModelRefused)


@settings(max_examples=150)
@given(layers=st.lists(json_values, max_size=4), outputs=json_values)
def test_any_graph(layers: list[object], outputs: object) -> None:
    config = seeds.classifier()
    config["config"]["layers"][2:2] = layers
    config["config"]["output_layers"] = outputs
    content = seeds.content(lambda buffer: seeds.write_h5(buffer, config))
    with pytest.raises(ModelRefused) as refused:
        read_open_model(io.BytesIO(content), name="model.h5")
    assert str(refused.value).isprintable()


@settings(max_examples=150)
@example(start=b"", rest=b"\x08")
@given(start=st.sampled_from([b"", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"]), rest=st.binary(max_size=400))
def test_any_bytes(start: bytes, rest: bytes) -> None:
    with pytest.raises(ModelRefused):
        read_open_model(io.BytesIO(start + rest), name="file")
    with pytest.raises(DataRefused):
        read_file(io.BytesIO(start + rest), Wanted(), labelled=True)
