"""Arrays and data sets in memory are read as the same arrays in a file are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nc_core.datasets import Images, read_images, read_memory
from nc_core.errors import DataRefused, OptionRefused

SHAPE = (8, 6, 3)
Arrays = tuple[Any, Any]


def clean(count: int = 40, shape: tuple[int, ...] = SHAPE) -> Arrays:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, *shape)).astype(np.uint8), np.arange(count) % 4


def with_images(change: Callable[[np.ndarray], Any]) -> Arrays:
    x, y = clean()
    return change(x), y


def with_labels(change: Callable[[np.ndarray], Any]) -> Arrays:
    x, y = clean()
    return x, change(y)


def from_file(folder: Path, data: Arrays, **options: Any) -> Images:
    x, y = data
    np.savez(folder / "data.npz", x=x, **({} if y is None else {"y": y}))
    return read_images(folder / "data.npz", **options)


@pytest.mark.parametrize(
    "data",
    [
        clean(),
        with_images(lambda x: x.astype(np.float32)),
        with_images(lambda x: x / 255),
        with_images(lambda x: x / 127.5 - 1),
        with_images(lambda x: x.astype(np.int64)),
        with_images(lambda x: x.transpose(0, 3, 1, 2)),
        with_labels(lambda y: y[:, None]),
        with_labels(lambda y: np.eye(4)[y]),
        with_labels(lambda y: y.astype(np.float64)),
        (clean()[0], None),
    ],
    ids=["uint8", "0..255", "0..1", "-1..1", "integers", "first", "column", "one-hot", "floats", "unlabelled"],
)
def test_arrays_are_read_as_a_file_of_them_is(data: Arrays, tmp_path: Path) -> None:
    same = from_file(tmp_path, data, input_shape=SHAPE)
    read = read_memory(data, input_shape=SHAPE)
    assert read.pixels.dtype == same.pixels.dtype
    assert np.array_equal(read.pixels, same.pixels)
    assert np.array_equal(read.labels, same.labels)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        with_images(lambda x: np.where(x == x.max(), np.nan, x / 255)),
        with_images(lambda x: x * 40.0),
        with_images(lambda x: x.astype(np.int32) + 1),
        with_images(lambda x: x.astype(bool)),
        with_images(lambda x: x[:, :5]),
        with_images(lambda x: x[..., :2]),
        with_images(lambda x: x[..., 0]),
        with_images(lambda x: x[0, 0]),
        with_images(lambda x: x[:0]),
        with_labels(lambda y: y[:-1]),
        with_labels(lambda y: y + 0.5),
        with_labels(lambda y: y - 1),
        with_labels(lambda y: np.eye(4)[y] * 0.5),
        with_labels(lambda y: np.zeros_like(y)),
        with_labels(lambda y: y.astype(str)),
        clean(31),
    ],
    ids=[
        "nan",
        "large",
        "int-range",
        "bool",
        "height",
        "channels",
        "grey",
        "rank",
        "none",
        "short",
        "halves",
        "negative",
        "soft",
        "one class",
        "text",
        "few",
    ],
)
def test_what_a_file_would_be_refused_for_is_refused_with_the_same_line(data: Arrays, tmp_path: Path) -> None:
    with pytest.raises(DataRefused) as of_file:
        from_file(tmp_path, data, input_shape=SHAPE)
    with pytest.raises(DataRefused) as refused:
        read_memory(data, input_shape=SHAPE)
    assert str(refused.value) == str(of_file.value)


def test_options_are_those_of_a_file(tmp_path: Path) -> None:
    data = clean(shape=(10, 12, 3))
    same = from_file(tmp_path, data, input_shape=SHAPE, resize="bilinear", labelled=False)
    read = read_memory(data, input_shape=SHAPE, resize="bilinear", labelled=False)
    assert np.array_equal(read.pixels, same.pixels)
    assert read.labels is None
    assert len(read_memory(clean(3), input_shape=SHAPE, poisoned=True)) == 3
    with pytest.raises(OptionRefused, match="cubic"):
        read_memory(data, input_shape=SHAPE, resize="cubic")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ((1, 2, 3), "a tuple of 3"),
        (([[1], [1, 2]], [0]), "no array for numpy"),
        (np.array([{}]), "no array of numbers"),
        ({"x": 1}, "the images are dict"),
        (None, "the images are NoneType"),
        ((clean()[0], 7), "the labels are int"),
    ],
    ids=["tuple", "ragged", "objects", "dict", "none", "scalar"],
)
def test_what_is_no_array_is_refused_in_one_line(data: Any, line: str) -> None:
    with pytest.raises(DataRefused, match=line) as refused:
        read_memory(data, input_shape=SHAPE)
    assert "\n" not in str(refused.value)


def test_images_that_were_read_before_are_read_again() -> None:
    once = read_memory(clean(), input_shape=SHAPE)
    again = read_memory(once, input_shape=SHAPE)
    assert np.array_equal(again.pixels, once.pixels)
    assert np.array_equal(again.labels, once.labels)  # type: ignore[arg-type]


SETS: dict[str, Callable[[tf.data.Dataset], tf.data.Dataset]] = {
    "one by one": lambda data: data,
    "in batches": lambda data: data.batch(16),
    "in equal batches": lambda data: data.batch(8, drop_remainder=True),
    "of an unknown number": lambda data: data.filter(lambda *_: True).batch(16),
}


@pytest.mark.parametrize("form", SETS)
@pytest.mark.parametrize(
    ("shape", "one_hot"), [(SHAPE, False), (SHAPE, True), ((8, 6), False), ((8, 6), True)], ids=str
)
def test_a_data_set_is_read_as_its_arrays_are(form: str, shape: tuple[int, ...], one_hot: bool) -> None:
    x, numbers = clean(shape=shape)
    y = np.eye(4, dtype=np.float32)[numbers] if one_hot else numbers
    wanted = SHAPE if len(shape) == 3 else (*shape, 1)
    read = read_memory(SETS[form](tf.data.Dataset.from_tensor_slices((x, y))), input_shape=wanted)
    assert np.array_equal(read.pixels, x.reshape(-1, *wanted))
    assert read.labels is not None
    assert read.labels.tolist() == numbers.tolist()


@pytest.mark.parametrize("form", SETS)
@pytest.mark.parametrize("shape", [SHAPE, (8, 6)], ids=str)
def test_a_data_set_of_images_alone_has_no_labels(form: str, shape: tuple[int, ...]) -> None:
    x, _ = clean(shape=shape)
    wanted = SHAPE if len(shape) == 3 else (*shape, 1)
    read = read_memory(SETS[form](tf.data.Dataset.from_tensor_slices(x)), input_shape=wanted)
    assert np.array_equal(read.pixels, x.reshape(-1, *wanted))
    assert read.labels is None


def test_a_grey_picture_as_high_as_its_labels_are_long_is_one_picture() -> None:
    # A picture of 4x6x1 whose one-hot label has four numbers, and no batch of four
    x, numbers = clean(shape=(4, 6, 1))
    read = read_memory(tf.data.Dataset.from_tensor_slices((x, np.eye(4)[numbers])), input_shape=(4, 6, 1))
    assert np.array_equal(read.pixels, x)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (tf.data.Dataset.from_tensor_slices(clean()).repeat(), "repeats for ever"),
        (tf.data.Dataset.from_tensor_slices(clean()).take(0), "holds nothing"),
        (tf.data.Dataset.from_tensor_slices({"image": clean()[0]}), "is a dict; map it to"),
        (tf.data.Dataset.from_tensor_slices((*clean(), clean()[1])), "a tuple of 3; map it to"),
        (
            tf.data.Dataset.from_generator(
                lambda: iter([np.zeros((8, 6, 3)), np.zeros((9, 6, 3))]), output_signature=tf.TensorSpec(None)
            ),
            r"shapes \(8, 6, 3\) and \(9, 6, 3\)",
        ),
        (tf.data.Dataset.from_tensor_slices(clean(12)), "holds 12 images"),
    ],
    ids=["endless", "empty", "dict", "weights", "sizes", "few"],
)
def test_a_data_set_that_cannot_be_read_is_refused_in_one_line(data: tf.data.Dataset, line: str) -> None:
    with pytest.raises(DataRefused, match=line) as refused:
        read_memory(data, input_shape=SHAPE)
    assert "\n" not in str(refused.value)
