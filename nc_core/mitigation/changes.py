"""What a repair changed in a net: layer by layer, from the weights alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc_core.intake import CanonicalModel, Layer


@dataclass(frozen=True, kw_only=True)
class LayerChange:
    """One layer whose weights differ.

    weights: how many it has; changed: how many of them differ. relative: L2 norm of the difference over that of the
    weights before, None where those were all 0.
    """

    layer: str
    weights: int
    changed: int
    relative: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return dict(vars(self))


def changes(before: CanonicalModel, after: CanonicalModel) -> tuple[LayerChange, ...]:
    """The layers of `before` whose weights differ in `after`, a net with the same layers, in order."""
    found = (_change(layer, before, after) for layer in before.layers if layer.weights)
    return tuple(change for change in found if change.changed)


def _change(layer: Layer, before: CanonicalModel, after: CanonicalModel) -> LayerChange:
    old = np.concatenate([before.weights[key].ravel() for key in layer.weights]).astype(np.float64)
    new = np.concatenate([after.weights[key].ravel() for key in layer.weights]).astype(np.float64)
    size = float(np.linalg.norm(old))
    return LayerChange(
        layer=layer.name,
        weights=len(old),
        changed=int((old != new).sum()),
        relative=float(np.linalg.norm(new - old)) / size if size else None,
    )
