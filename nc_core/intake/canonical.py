"""The canonical model: our own plain form of a net, the only one that workers ever build from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from nc_core import tensors

Head = Literal["softmax", "logits", "sigmoid", "single-sigmoid", "single-logit"]
SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer: unique name, Keras class name, plain JSON options, weight keys in Keras' own order."""

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Node:
    """One call of layer number `layer` (None: the image itself) on the outputs of the nodes `inputs`."""

    layer: int | None
    inputs: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Signature:
    """How an ONNX file takes images and gives answers, for a file that is to stand where it stood.

    image, output: names of its input and its output. channels_first: whether images are (C, H, W). batch: how many the
    file takes at once, or the name that it has for any number. log_softmax: whether its answers are the logarithms of
    a softmax, which the canonical net leaves out. sizes: of one image, where the file takes it as (H, W) or as a row.
    """

    image: str
    output: str
    channels_first: bool
    batch: int | str
    log_softmax: bool = False
    sizes: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class CanonicalModel:
    """A net for images (H, W, C) float32 in the submitted model's own input domain.

    Node 0 is the image, a node's inputs stand before it, and a layer may be called by several nodes. `head`
    says what the output is: class probabilities ("softmax"), unbounded scores ("logits"), one probability a
    class ("sigmoid"), one probability of the second of two classes ("single-sigmoid"), or one score of it, above 0
    where it is likelier than the first ("single-logit"). Weights are float32. signature: of the ONNX file that it came
    in, or that PyTorch would write; None for a Keras file. class_names: of the outputs, where the file has them, and
    named_in: the place in the file. note: what the reader has to say of the file, a sentence or nothing. `load.py`
    reads what `save` writes.
    """

    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    nodes: tuple[Node, ...]
    output: int
    head: Head
    classes: int
    weights: Mapping[str, npt.NDArray[np.float32]]
    signature: Signature | None = None
    class_names: tuple[str, ...] = ()
    named_in: str = ""
    note: str = ""

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return sum(array.size for array in self.weights.values())

    def write(self, file: BinaryIO) -> None:
        """Write one safetensors file, the same bytes for the same model."""
        tensors.write(file, self.weights, self._text())

    def equals(self, other: "CanonicalModel") -> bool:
        """Whether both are the same net: structure and arrays, bit by bit, whatever kind of file it came in."""
        return _compact(self._structure()) == _compact(other._structure()) and all(
            _bits_equal(array, other.weights[key]) for key, array in self.weights.items()
        )

    def save(self, path: Path) -> str:
        """The same to a path; returns the file's sha256 in hex."""
        with path.open("wb") as file:
            self.write(file)
        return tensors.sha256_of(path)

    def _text(self) -> str:
        told: dict[str, Any] = {} if self.signature is None else {"signature": asdict(self.signature)}
        if self.class_names:
            told |= {"class_names": self.class_names, "named_in": self.named_in}
        if self.note:
            told["note"] = self.note
        return _compact({**self._structure(), **told})

    def _structure(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "input_shape": self.input_shape,
            "layers": [
                {
                    "name": layer.name,
                    "kind": layer.kind,
                    "options": dict(layer.options),
                    "weights": layer.weights,
                }
                for layer in self.layers
            ],
            "nodes": [{"layer": node.layer, "inputs": node.inputs} for node in self.nodes],
            "output": self.output,
            "head": self.head,
            "classes": self.classes,
        }


def _compact(structure: dict[str, Any]) -> str:
    return json.dumps(structure, sort_keys=True, separators=(",", ":"))


def _bits_equal(one: npt.NDArray[np.float32], two: npt.NDArray[np.float32]) -> bool:
    return one.shape == two.shape and np.array_equal(one.view(np.uint32), two.view(np.uint32))
