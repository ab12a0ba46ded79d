"""What is got preparation of a model file: the net in it, or a twin that is trained first."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.datasets import Images
from nc_core.errors import InputRefused
from nc_core.inversion import PROFILES
from nc_core.models import canonical_of, save_keras
from nc_core.scanning.preparation import Preparation, names_of, prepare_scan
from nc_core.scanning.twins import architecture_of


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    """The architecture of a small net."""
    image = keras.Input((6, 6, 3))
    net = keras.Model(image, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(image)))
    save_keras(architecture_of(canonical_of(net)), tmp_path / "blank.keras")
    return tmp_path / "blank.keras"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Pictures of three colours, which are their labels."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 200)
    pixels = generator.integers(0, 80, (200, 6, 6, 3))
    pixels[np.arange(200), :, :, labels] += 150
    np.savez(tmp_path / "clean.npz", x_test=pixels.astype(np.uint8), y_test=labels)
    return tmp_path / "clean.npz"


def preparation(
    blank: Path, data: Path, *, twin: int | None, value_range: str = "0..1", unlabelled: bool = False
) -> Preparation:
    return prepare_scan(
        blank, data, profile=PROFILES["fast"], value_range=value_range, unlabelled=unlabelled, twin=twin
    )


def test_a_twin_is_trained_before_it_is_looked_at(blank: Path, data: Path) -> None:
    # Given a file whose net has learned nothing, which is refused as it is
    with pytest.raises(InputRefused, match="accuracy"):
        preparation(blank, data, twin=None)
    # When a twin of it is asked for, then it knows the data, and the same one comes again
    one, again, other = (preparation(blank, data, twin=seed) for seed in (1, 1, 2))
    assert (one.preflight.clean_accuracy or 0.0) > 0.9
    assert one.canonical.equals(again.canonical)
    assert not one.canonical.equals(other.canonical)
    assert [found.domain.value_range for found in one.preflight.ranges] == ["0..1"]


@pytest.mark.parametrize(("how", "line"), [({"value_range": "auto"}, "value-range"), ({"unlabelled": True}, "labels")])
def test_a_twin_that_cannot_be_trained_is_refused_in_one_line(
    blank: Path, data: Path, how: dict[str, object], line: str
) -> None:
    with pytest.raises(InputRefused, match=line) as caught:
        preparation(blank, data, twin=1, **how)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_what_the_reader_says_of_a_file_stands_among_the_warnings(data: Path) -> None:
    # Given a net that knows the colours, read from a checkpoint
    image = keras.Input((6, 6, 3))
    dense = keras.layers.Dense(3)
    net = keras.Model(image, dense(keras.layers.Flatten()(image)))
    dense.set_weights([np.tile(np.eye(3, dtype=np.float32), (36, 1)), np.zeros(3, np.float32)])
    read = replace(canonical_of(net), note="the model was read from what lies under 'net'")
    found = prepare_scan(read, data, profile=PROFILES["fast"], value_range="0..1")
    assert read.note in found.preflight.warnings


NAMED = ("red", "green", "blue")


@pytest.mark.parametrize(
    ("names", "folders", "taken", "told"),
    [
        (NAMED, {}, NAMED, "the classes are called as in labels.txt"),
        (NAMED, {0: "0", 1: "1", 2: "2"}, NAMED, "the classes are called as in labels.txt"),
        (NAMED, {0: "blue", 1: "red"}, NAMED, "the classes are called as in labels.txt"),
        (NAMED, {0: "n01", 1: "n02", 2: "n03"}, None, "called as in the data, and otherwise in labels.txt"),
        (("red", "red", "blue"), {0: "red", 1: "blue"}, None, "called as in the data, and otherwise in labels.txt"),
        ((), {0: "red"}, None, ""),
    ],
)
def test_a_file_s_class_names_are_taken_where_the_data_s_own_are_among_them(
    names: tuple[str, ...], folders: dict[int, str], taken: tuple[str, ...] | None, told: str
) -> None:
    net = canonical_of(keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]))
    images = Images(pixels=np.zeros((2, 2, 2, 3), np.float32), labels=np.arange(2, dtype=np.int32), folders=folders)
    found, said = names_of(replace(net, class_names=names, named_in="labels.txt"), images)
    assert found == taken
    assert said.endswith(told)


def test_class_names_of_the_file_name_the_outputs_unless_the_user_does(data: Path) -> None:
    layers = [keras.Input((6, 6, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]
    net = replace(canonical_of(keras.Sequential(layers)), class_names=NAMED, named_in="labels.txt")
    options = {"profile": PROFILES["fast"], "value_range": "0..1", "min_accuracy": 0.0}
    of_the_file = prepare_scan(net, data, **options)  # type: ignore[arg-type]
    assert of_the_file.to_json()["class_names"] == NAMED
    assert "the classes are called as in labels.txt" in of_the_file.preflight.warnings
    given = prepare_scan(net, data, class_names=("a", "b", "c"), **options)  # type: ignore[arg-type]
    assert given.to_json()["class_names"] == ("a", "b", "c")
    assert not any("labels.txt" in line for line in given.preflight.warnings)
