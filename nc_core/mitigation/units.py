"""The units that pruning removes: where a net has them, and how one is made silent.

A unit is silent where it is 0 for every image, or a constant where its activation function makes one of 0. That is done
by zeros among the weights, so the net keeps its architecture: zeros in what leaves a unit of the penultimate layer,
which works for whatever makes that layer's values (a Dense, the sum of two branches of a DeepID, a pooled convolution),
and zeros in what enters a channel of the last convolution.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.intake import CanonicalModel, Layer
from nc_core.intake.layers import KINDS

_INCOMING = {
    "Conv2D": {"kernel": -1, "bias": 0},
    "SeparableConv2D": {"pointwise_kernel": -1, "bias": 0},
    "Conv2DTranspose": {"kernel": -2, "bias": 0},
    "BatchNormalization": {"gamma": 0, "beta": 0, "moving_mean": 0},
}
"""Kind -> weight -> its axis of output channels. Zero in all of them, a channel is 0 whatever comes in."""

_OUTGOING = ("Dense", "Conv2D")
"""Kinds whose kernel has its input units in the axis before the last."""

_PASSING = ("BatchNormalization", "Activation", "ReLU", "LeakyReLU", "ELU", "PReLU")
"""Layers that are part of the convolution before them: its activation is what they make of it."""


@dataclass(frozen=True, kw_only=True)
class Entries:
    """The array number `index` of a layer's weights, in which `axis` counts the units."""

    layer: str
    index: int
    axis: int


@dataclass(frozen=True, kw_only=True)
class Site:
    """One row of units.

    name: for people. node: of the canonical model, whose values (..., units) are the activations. silencing: the
    weights that are 0 for a silent unit.
    """

    name: str
    node: int
    units: int
    silencing: tuple[Entries, ...]


def penultimate(model: CanonicalModel) -> Site | None:
    """What enters the last layer with weights; None where that is no Dense and no plain convolution."""
    node = _last_with_weights(model)
    if node is None:
        return None
    layer = _layer(model, node)
    if layer.kind not in _OUTGOING or layer.options.get("groups", 1) != 1:
        return None
    units = model.weights[layer.weights[0]].shape[-2]
    entries = Entries(layer=layer.name, index=0, axis=-2)
    (source,) = model.nodes[node].inputs
    return Site(name="penultimate layer", node=source, units=units, silencing=(entries,))


def last_convolution(model: CanonicalModel) -> Site | None:
    """The channels of the last convolution before the scores, after their activation; None where there is none."""
    scores = _last_with_weights(model)
    for node in reversed(range(1, len(model.nodes))):
        layer = _layer(model, node)
        # A layer that is called twice would be silenced in both places.
        if node == scores or layer.kind not in _INCOMING or layer.kind == "BatchNormalization" or _shared(model, node):
            continue
        chain = list(_chain(model, node))
        silencing = tuple(entries for one in chain for entries in _entries(_layer(model, one)))
        return Site(name="last convolution", node=chain[-1], units=_channels(model, layer), silencing=silencing)
    return None


class Silencer:
    """Silences units of one site of a Keras net, and can take that back.

    model: has the layers of the canonical model under the same names, as `build_logits` makes it.
    """

    def __init__(self, model: keras.Model, site: Site) -> None:
        self._held = [(model.get_layer(one.layer).weights[one.index], one.axis) for one in site.silencing]
        self._saved = [np.array(keras.ops.convert_to_numpy(variable)) for variable, _ in self._held]

    def silence(self, units: npt.NDArray[np.int64]) -> None:
        """Silence these units and no other: those that were silenced before speak as they did."""
        for (variable, axis), saved in zip(self._held, self._saved, strict=True):
            variable.assign(_zeroed(saved, units, axis))

    def hold(self, units: npt.NDArray[np.int64]) -> None:
        """Keep these units silent whatever a training made of them, and the others as they are."""
        for variable, axis in self._held:
            variable.assign(_zeroed(np.array(keras.ops.convert_to_numpy(variable)), units, axis))


def _zeroed(array: npt.NDArray[np.float32], units: npt.NDArray[np.int64], axis: int) -> npt.NDArray[np.float32]:
    changed = array.copy()
    np.moveaxis(changed, axis, 0)[units] = 0.0
    return changed


def _last_with_weights(model: CanonicalModel) -> int | None:
    """The node of the last layer with weights, seen from the output; None where branches merge after it."""
    node = model.output
    while node != 0 and not _layer(model, node).weights:
        if len(model.nodes[node].inputs) != 1:
            return None
        (node,) = model.nodes[node].inputs
    return node or None


def _chain(model: CanonicalModel, node: int) -> Iterator[int]:
    """The convolution's node and those after it that are part of it."""
    yield node
    while node != model.output and len(users := _users(model, node)) == 1:
        (node,) = users
        if _layer(model, node).kind not in _PASSING:
            return
        yield node


def _users(model: CanonicalModel, node: int) -> list[int]:
    return [number for number, one in enumerate(model.nodes) if node in one.inputs]


def _shared(model: CanonicalModel, node: int) -> bool:
    return sum(one.layer == model.nodes[node].layer for one in model.nodes) > 1


def _entries(layer: Layer) -> Iterator[Entries]:
    axes = _INCOMING.get(layer.kind, {})
    for index, name in enumerate(KINDS[layer.kind].weights(layer.options)):
        if name in axes:
            yield Entries(layer=layer.name, index=index, axis=axes[name])


def _channels(model: CanonicalModel, layer: Layer) -> int:
    entries = next(_entries(layer))
    names: Sequence[str] = layer.weights
    return int(model.weights[names[entries.index]].shape[entries.axis])


def _layer(model: CanonicalModel, node: int) -> Layer:
    number: Any = model.nodes[node].layer
    return model.layers[number]
