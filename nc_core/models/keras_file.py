"""Canonical model -> one plain `.keras` file: that net and nothing else, the same bytes for the same model.

Keras' own `save` writes the time, the places of objects in memory, and whatever else a layer knows of itself. Here the
configuration holds the options of the canonical model and nothing besides; the weights' file is Keras' own, and so is
the order of layers, by which Keras numbers the weights when it reads them.
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from nc_core.errors import ModelRefused, OptionRefused, ReadsOtherwise
from nc_core.intake import CanonicalModel, Layer, read_model
from nc_core.intake.analysis import analyse
from nc_core.models.build import build

WEIGHTS = "model.weights.h5"
PRINTED = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the first one that a zip can hold."""


def save_keras(model: CanonicalModel, path: Path) -> None:
    """Write the net as a `.keras` file that loads with plain Keras 3.

    path: must end in `.keras`, by which Keras tells what it is given; raises OptionRefused otherwise. What was written
    is read again before anybody gets it. Raises ReadsOtherwise where it is not the same canonical model: then nothing
    lies at the path.
    """
    if path.suffix != ".keras":
        raise OptionRefused(f"{path.name!r} does not end in .keras, by which Keras tells the format: pass such a path")
    net = build(model)
    with tempfile.TemporaryDirectory(prefix="cleanse-", dir=path.parent) as folder:
        whole, weights = Path(folder) / path.name, Path(folder) / WEIGHTS
        net.save_weights(weights)
        _pack(whole, _config(model, net), weights)
        del net
        _check(whole, model)
        whole.replace(path)


def _pack(path: Path, config: dict[str, Any], weights: Path) -> None:
    """The three members, in Keras' order, uncompressed as Keras leaves them."""
    texts = {"metadata.json": {"keras_version": keras.version()}, "config.json": config}
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in texts.items():
            archive.writestr(zipfile.ZipInfo(name, PRINTED), json.dumps(value, sort_keys=True, separators=(",", ":")))
        entry = zipfile.ZipInfo(WEIGHTS, PRINTED)
        entry.file_size = weights.stat().st_size  # zipfile chooses the 64-bit form by it
        with weights.open("rb") as source, archive.open(entry, "w") as member:
            shutil.copyfileobj(source, member)


def _check(path: Path, model: CanonicalModel) -> None:
    try:
        same = read_model(path).equals(model)
    except ModelRefused as error:
        raise ReadsOtherwise(f"{path.name}, as it was written, is refused here ({error})") from None
    if not same:
        raise ReadsOtherwise(f"{path.name}, as it was written, is read as another net than it was written from")


def _config(model: CanonicalModel, net: keras.Model) -> dict[str, Any]:
    """Keras' form of a Functional model, layers in the order of `net`, which `build` has made of the model."""
    calls = _Calls(model, str(net.layers[0].name))
    layers = {layer.name: _entry(layer, calls.of(number)) for number, layer in enumerate(model.layers)}
    layers[calls.image] = _image(calls.image, model.input_shape)
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": net.name,
            "trainable": True,
            "layers": [layers[built.name] for built in net.layers],
            "input_layers": calls.place(0),
            "output_layers": calls.place(model.output),
        },
        "registered_name": "Functional",
    }


class _Calls:
    """Who is called on what, in Keras' words. image: the name of the input's layer."""

    def __init__(self, model: CanonicalModel, image: str) -> None:
        self.image = image
        self._model = model
        self._shapes = analyse(model.layers, model.nodes, model.output, model.input_shape).shapes
        self._nodes: list[list[int]] = [[] for _ in model.layers]
        self._places: list[list[Any]] = []
        for at, node in enumerate(model.nodes):
            if node.layer is None:
                self._places.append([image, 0, 0])
                continue
            calls = self._nodes[node.layer]
            self._places.append([model.layers[node.layer].name, len(calls), 0])
            calls.append(at)

    def place(self, node: int) -> list[Any]:
        """[layer, number of its call, number of that call's output]."""
        return self._places[node]

    def of(self, layer: int) -> list[dict[str, Any]]:
        """The calls of a layer, in order."""
        return [self._call(self._model.nodes[at].inputs) for at in self._nodes[layer]]

    def _call(self, inputs: Sequence[int]) -> dict[str, Any]:
        tensors = [self._tensor(source) for source in inputs]
        return {"args": [tensors if len(tensors) > 1 else tensors[0]], "kwargs": {}}

    def _tensor(self, node: int) -> dict[str, Any]:
        config = {"shape": [None, *self._shapes[node]], "dtype": "float32", "keras_history": self.place(node)}
        return {"class_name": "__keras_tensor__", "config": config}


def _entry(layer: Layer, calls: list[dict[str, Any]]) -> dict[str, Any]:
    config = {"name": layer.name, "dtype": "float32", **layer.options}
    return _layer_entry(layer.kind, layer.name, config, calls)


def _image(name: str, shape: Sequence[int]) -> dict[str, Any]:
    config = {"batch_shape": [None, *shape], "dtype": "float32", "sparse": False, "ragged": False, "name": name}
    return _layer_entry("InputLayer", name, config, [])


def _layer_entry(kind: str, name: str, config: dict[str, Any], calls: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": config,
        "registered_name": None,
        "name": name,
        "inbound_nodes": calls,
    }
