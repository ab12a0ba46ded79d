"""The canonical model: our own plain form of a net, the only one that workers ever build from."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from safetensors import SafetensorError

from nc_core.errors import ModelRefused

Head = Literal["softmax", "logits", "sigmoid", "single-sigmoid"]
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


@dataclass(frozen=True, kw_only=True, eq=False)
class CanonicalModel:
    """A net for images (H, W, C) float32 in the submitted model's own input domain.

    Node 0 is the image, a node's inputs stand before it, and a layer may be called by several nodes. `head`
    says what the output is: class probabilities ("softmax"), unbounded scores ("logits"), one probability a
    class ("sigmoid"), or one probability of the second of two classes ("single-sigmoid"). Weights are
    float32.
    """

    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    nodes: tuple[Node, ...]
    output: int
    head: Head
    classes: int
    weights: Mapping[str, npt.NDArray[np.float32]]

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return sum(array.size for array in self.weights.values())

    def save(self, path: Path) -> str:
        """Write one safetensors file, the same bytes for the same model; returns its sha256 in hex."""
        data = safetensors.numpy.save(
            {key: np.ascontiguousarray(array) for key, array in sorted(self.weights.items())},
            metadata={"cleanse": json.dumps(self._structure(), sort_keys=True, separators=(",", ":"))},
        )
        path.write_bytes(data)
        return hashlib.sha256(data).hexdigest()

    @classmethod
    def load(cls, path: Path, sha256: str | None = None) -> "CanonicalModel":
        """Read what `save` wrote; ModelRefused when the digest or the form differs."""
        data = path.read_bytes()
        actual = hashlib.sha256(data).hexdigest()
        if sha256 is not None and actual != sha256:
            raise ModelRefused(
                f"canonical model {path.name!r} has sha256 {actual}, expected {sha256}: the file was "
                "changed or cut off; submit the model again"
            )
        try:
            structure = json.loads(_metadata(data)["cleanse"])
            weights = safetensors.numpy.load(data)
        except (KeyError, ValueError, SafetensorError):
            raise ModelRefused(f"{path.name!r} is no canonical model: pass a file that intake wrote") from None
        if structure.get("schema") != SCHEMA:
            raise ModelRefused(
                f"canonical model {path.name!r} has schema {structure.get('schema')}, expected {SCHEMA}: "
                "submit the model again"
            )
        return cls(
            input_shape=tuple(structure["input_shape"]),
            layers=tuple(Layer(**{**layer, "weights": tuple(layer["weights"])}) for layer in structure["layers"]),
            nodes=tuple(Node(layer=node["layer"], inputs=tuple(node["inputs"])) for node in structure["nodes"]),
            output=structure["output"],
            head=structure["head"],
            classes=structure["classes"],
            weights=weights,
        )

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


def _metadata(data: bytes) -> dict[str, str]:
    """The metadata of a safetensors file: 8 bytes of little-endian length, then the JSON header."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    metadata: dict[str, str] = header["__metadata__"]
    return metadata
