"""Places of a tensor by index, in nets of Keras 3 and 2: read as Keras computes them, or refused."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake import read_model
from nc_core.models import build, save_keras
from tests.differential.onnx.compare import images
from tests.hostile import seeds

layers = keras.layers


def sliced(*places: Callable[[Any], Any], shape: tuple[int, ...] = (6, 5, 4)) -> keras.Model:
    """What these take out of features of an image, put side by side; with nested nets, which Keras counts."""
    keras.utils.set_random_seed(2)
    image = keras.Input((6, 5, 3))
    x = keras.Sequential([keras.Input((6, 5, 3)), layers.Conv2D(4, 1)], name="first")(image)
    x = layers.Reshape(shape)(x)
    taken = [layers.Flatten()(place(x)) for place in places]
    ends = keras.Sequential([layers.Dense(5, activation="relu"), layers.Dense(3)], name="second")
    return keras.Model(image, ends(layers.Concatenate()([*taken, layers.Flatten()(x)])))


PLACES: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "a token": (lambda x: x[:, 0], (30, 4)),
    "the last token": (lambda x: x[:, -1, :], (30, 4)),
    "rows": (lambda x: x[:, 1:4], (6, 5, 4)),
    "rows and columns": (lambda x: x[:, 1:4, :-2], (6, 5, 4)),
    "a channel": (lambda x: x[..., 2], (6, 5, 4)),
    "a channel, kept": (lambda x: x[:, :, :, 1:2], (6, 5, 4)),
    "channels of a pixel": (lambda x: x[:, 2, 3, 1:], (6, 5, 4)),
    "all": (lambda x: x[:, :], (6, 5, 4)),
    "beyond the end": (lambda x: x[:, -100:100, 4], (6, 5, 4)),
    "values": (lambda x: x[:, 7:9], (120,)),
    "of four axes": (lambda x: x[:, 1, :, 0, 1:3], (2, 3, 5, 4)),
}


@pytest.mark.parametrize("name", PLACES)
def test_places_answer_as_in_keras(name: str, tmp_path: Path) -> None:
    place, shape = PLACES[name]
    model = sliced(place, shape=shape)
    model.save(tmp_path / "net.keras")
    read = read_model(tmp_path / "net.keras")
    given = images((6, 5, 3), 8)
    np.testing.assert_allclose(build(read).predict(given, verbose=0), model.predict(given, verbose=0), atol=1e-5)
    save_keras(read, tmp_path / "scanned.keras")  # reads what it wrote and compares


def test_several_places_of_one_tensor(tmp_path: Path) -> None:
    model = sliced(lambda x: x[:, 0], lambda x: x[:, :, 1], lambda x: x[..., 0])
    model.save(tmp_path / "net.keras")
    given = images((6, 5, 3), 8)
    answers = build(read_model(tmp_path / "net.keras")).predict(given, verbose=0)
    np.testing.assert_allclose(answers, model.predict(given, verbose=0), atol=1e-5)


OTHERS: list[Callable[[Any], Any]] = [
    lambda x: x[:, ::2],
    lambda x: x[..., ::-1],
    lambda x: x[:, None],
    lambda x: x[0:1, :],
    lambda x: x[:, 0, 0, 0],
]


@pytest.mark.parametrize("place", OTHERS)
def test_other_places_are_refused(place: Callable[[Any], Any], tmp_path: Path) -> None:
    sliced(place).save(tmp_path / "net.keras")
    with pytest.raises(ModelRefused, match="is the operation 'GetItem'") as refused:
        read_model(tmp_path / "net.keras")
    assert str(refused.value).isprintable()


def edited(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The net of a token with its operation changed."""
    sliced(PLACES["a token"][0], shape=(30, 4)).save(folder / "net.keras")
    with zipfile.ZipFile(folder / "net.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(next(entry for entry in config["config"]["layers"] if entry["class_name"] == "GetItem"))
    with zipfile.ZipFile(folder / "changed.keras", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, json.dumps(config) if name == "config.json" else content)
    return folder / "changed.keras"


def _key(*entries: Any) -> Callable[[dict[str, Any]], object]:
    return lambda entry: entry["inbound_nodes"][0]["args"].__setitem__(1, list(entries))


def _whole(**config: Any) -> dict[str, Any]:
    return {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None, **config}}


def _tensor(**config: Any) -> Callable[[dict[str, Any]], object]:
    return lambda entry: entry["inbound_nodes"][0]["args"][0]["config"].update(config)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        # Another shape than the tensor has would take other values than Keras does
        (_tensor(shape=[None, 4, 30]), "was built for"),
        (_tensor(shape=[None, 30, 2, 2]), "was built for"),
        (_tensor(shape=[None, 30, 2**40]), "a whole number"),
        (_tensor(shape=None), "says its shape"),
        (_tensor(shape=[30, 4]), "says its shape"),
        (_key(_whole(), True), "ranges by steps of 1"),
        (_key(_whole(), 30), "a place of an axis of 30"),
        (_key(_whole(), _whole(start=1.5)), "ranges by steps of 1"),
        (_key(_whole(), _whole(start=5, stop=5)), "ranges by steps of 1"),
        (_key(_whole(), {**_whole(), "more": 1}), "ranges by steps of 1"),
        (_key(0, 0), "ranges by steps of 1"),
        (_key(*[_whole()] * 9), "ranges by steps of 1"),
        (_key(), "was built for"),
        (_key(*[{"class_name": "__ellipsis__", "config": {}}] * 2), "ranges by steps of 1"),
        (lambda entry: entry["inbound_nodes"][0]["args"].append(1), "not one of a tensor and places"),
        (lambda entry: entry["inbound_nodes"][0].update(kwargs={"key": 1}), "not one of a tensor and places"),
        (lambda entry: entry["config"].update(key=1), "besides"),
        (lambda entry: entry.update(module="keras.layers"), "'GetItem', which is not read here"),
        (lambda entry: entry.update(module="os"), "not of Keras"),
    ],
)
def test_a_changed_key_or_shape_is_refused(
    change: Callable[[dict[str, Any]], object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelRefused, match=said) as refused:
        read_model(edited(tmp_path, change))
    assert str(refused.value).isprintable()


def of_keras_2(folder: Path, spec: Any, shape: tuple[int, ...], **changes: Any) -> Path:
    """An `.h5` of a net that takes places as Keras 2 wrote it, of features of this shape, and a Dense after them."""
    options = {"name": "places", "trainable": True, "dtype": "float32", "function": "__operators__.getitem"}
    places = {"class_name": "SlicingOpLambda", "config": options, "name": "places"}
    call = {"inbound_nodes": [["features", 0, 0, {"slice_spec": spec}]]}
    config = seeds.functional(
        [
            seeds.entry("InputLayer", "picture", batch_shape=[None, 6, 5, 3]),
            seeds.entry("Conv2D", "conv", "picture", filters=4, kernel_size=[1, 1], use_bias=False),
            seeds.entry("Reshape", "features", "conv", target_shape=list(shape)),
            {**places, **call, **changes},
            seeds.entry("Flatten", "flat", "places"),
            seeds.entry("Dense", "answer", "flat", units=3, activation="softmax", use_bias=False),
        ]
    )
    features = np.zeros((1, *shape))
    taken = features[_numpy_key(spec)].size if not changes else 1
    drawn = np.random.default_rng(4)
    arrays = {"conv": {"kernel": drawn.normal(size=(1, 1, 3, 4))}, "answer": {"kernel": drawn.normal(size=(taken, 3))}}
    return seeds.write_h5(folder / "net.h5", config, arrays)


def _numpy_key(spec: Any) -> tuple[Any, ...]:
    """The same key for NumPy."""
    entries = spec if isinstance(spec, list) else [spec]
    return tuple(
        ... if entry == ELLIPSIS else slice(*entry.values()) if isinstance(entry, dict) else entry for entry in entries
    )


ELLIPSIS = {"class_name": "__ellipsis__"}


def _range(start: Any = None, stop: Any = None, step: Any = None) -> dict[str, Any]:
    return {"start": start, "stop": stop, "step": step}


KEYS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "a token": ([_range(), 0], (30, 4)),
    "the last channel": ([ELLIPSIS, -1], (6, 5, 4)),
    "channels": ([ELLIPSIS, _range(None, 3)], (6, 5, 4)),
    "rows of a column": ([_range(), _range(1, 4), -2], (6, 5, 4)),
    "beyond the end": ([_range(), _range(-100, 100), 2], (6, 5, 4)),
    "a place of an axis of one": ([_range(), 0, _range(2, 9, 1)], (1, 30, 4)),
    "all": ([_range(), _range()], (6, 5, 4)),
    "the batch alone": (_range(), (6, 5, 4)),
    "an ellipsis of nothing": ([_range(), 1, ELLIPSIS, 2, _range(1, None)], (6, 5, 4)),
}


@pytest.mark.parametrize("name", KEYS)
def test_places_of_keras_2_are_those_of_numpy(name: str, tmp_path: Path) -> None:
    spec, shape = KEYS[name]
    path = of_keras_2(tmp_path, spec, shape)
    read = read_model(path)
    given = images((6, 5, 3), 8)
    with h5py.File(path) as file:
        conv, answer = (file[f"model_weights/{each}/{each}/kernel"][()] for each in ("conv", "answer"))
    features = (given @ conv[0, 0]).reshape(8, *shape)
    logits = features[_numpy_key(spec)].reshape(8, -1) @ answer
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(build(read).predict(given, verbose=0), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ([_range(), _range(None, None, 2)], "ranges by steps of 1"),
        ([_range(), _range(None, None, -1)], "ranges by steps of 1"),
        ([_range(), None], "ranges by steps of 1"),
        ([_range(0, 1)], "ranges by steps of 1"),
        ([0], "ranges by steps of 1"),
        ([_range(), 30], "a place of an axis of 30"),
        ([_range(), _range(9, 3)], "ranges by steps of 1"),
        ([_range(), 0, 0, 0], "ranges by steps of 1"),
        ([_range()] * 40, "ranges by steps of 1"),
        ([ELLIPSIS, ELLIPSIS], "ranges by steps of 1"),
        ([_range(), 0, 0], "one axis at least"),
        ([_range(), True], "ranges by steps of 1"),
        ([_range(), ["flat", 0, 0]], "ranges by steps of 1"),
        ([_range(), {"start": 0}], "ranges by steps of 1"),
        ([_range(), {**_range(), "more": 1}], "ranges by steps of 1"),
        ([_range(), _range("0")], "ranges by steps of 1"),
    ],
)
def test_other_places_of_keras_2_are_refused(spec: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=said) as refused:
        read_model(of_keras_2(tmp_path, spec, (30, 4), name="places"))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"config": {"name": "places", "function": "__operators__.add"}}, "'SlicingOpLambda', which is not read here"),
        ({"config": {"name": "places", "function": ["os.system"]}}, "'SlicingOpLambda', which is not read here"),
        ({"module": "os"}, "not of Keras"),
        ({"inbound_nodes": [["features", 0, 0, {"slice_spec": 0, "var": 1}]]}, "not one of a tensor and places"),
        ({"inbound_nodes": [["features", 0, 0, {}]]}, "not one of a tensor and places"),
        ({"inbound_nodes": [["features", 0, 0, {"slice_spec": 0}]] * 2}, "not called exactly once"),
    ],
)
def test_a_changed_operation_of_keras_2_is_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=said) as refused:
        read_model(of_keras_2(tmp_path, [_range(), 0], (30, 4), **changes))
    assert str(refused.value).isprintable()
