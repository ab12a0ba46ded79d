"""A model configuration as a checked tree: models, their layers, and who calls whom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nc_core.intake.layers import KINDS


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A layer of an allowed class with its plain options; `InputLayer` has a `shape` (H, W, C), sizes may be
    None.

    built: the file's word on what input the layer was built for. followed_by: an activation that was itself a layer
    (ReLU, LeakyReLU, ...), to be applied to this one's output. stored_as: its class in the file, where that is another
    one (`equivalents.py`). operation: it was an operation on tensors, which spreads its inputs by other rules than a
    layer does. size: height and width of the images that come out of it, where it says so. before: a layer that the
    second of its two inputs passes first. places: the layer is the n-th of those that take places out of a tensor
    (`slices.py`), whose shape is not known yet: the key and n.
    """

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    trainable: bool = True
    shape: tuple[int | None, ...] | None = None
    built: Any = None
    followed_by: "Leaf | None" = None
    stored_as: str | None = None
    operation: bool = False
    size: tuple[int, int] | None = None
    before: "Leaf | None" = None
    places: tuple[Any, int] | None = None

    @property
    def class_name(self) -> str:
        """As the file says, because the paths in a `.keras` archive derive from it."""
        return self.stored_as or self.kind

    @property
    def weight_names(self) -> tuple[str, ...]:
        """Names of its weight arrays in Keras' own order."""
        return () if self.kind == "InputLayer" else KINDS[self.kind].weights(self.options)


@dataclass(frozen=True, kw_only=True)
class Ref:
    """The output of call number `call` of the child `name` of the same model."""

    name: str
    call: int


Call = tuple[Ref, ...]
Path = tuple[str, ...]
"""The names that lead from the root to a layer; what identifies it before names are made unique."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A Sequential or Functional model: children by name in Keras' order, the calls of each, inputs and output.

    class_name: Keras' own, because the paths in a `.keras` archive derive from it. outputs: all of them by name, of
    which `output` is the one that is read: Keras' order goes by all.
    """

    name: str
    class_name: str
    children: Mapping[str, "Leaf | Model"]
    calls: Mapping[str, tuple[Call, ...]]
    inputs: tuple[str, ...]
    outputs: Mapping[str, Ref]
    output: Ref
    trainable: bool = True


def leaves(model: Model, path: Path = (), trainable: bool = True) -> Iterator[tuple[Path, Leaf, bool]]:
    """Every layer in Keras' order with its path and whether it and all models around it are trainable."""
    for name, child in model.children.items():
        below = trainable and child.trainable
        if isinstance(child, Model):
            yield from leaves(child, (*path, name), below)
        else:
            yield (*path, name), child, below
