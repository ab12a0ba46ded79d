"""Reversed triggers as artefacts, in safetensors: a label's, and those reversed afresh on a repaired net."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save


@dataclass(frozen=True, kw_only=True, eq=False)
class TriggerFile:
    """One label's trigger.

    mask (H, W) float32 in 0..1; pattern (H, W, C) float32 in the model's input domain; cost: lambda at the end of the
    optimisation, where another round may go on with it.
    """

    mask: npt.NDArray[np.float32]
    pattern: npt.NDArray[np.float32]
    cost: float | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `to_bytes` has written."""
        arrays = load_file(path)
        cost = float(arrays["cost"]) if "cost" in arrays else None
        return cls(mask=arrays["mask"], pattern=arrays["pattern"], cost=cost)

    def to_bytes(self) -> bytes:
        """The contents of the file."""
        arrays = {"mask": self.mask, "pattern": self.pattern}
        return save(arrays if self.cost is None else {**arrays, "cost": np.array(self.cost)})


@dataclass(frozen=True, kw_only=True, eq=False)
class FreshTriggersFile:
    """Triggers that were reversed on one repaired net. target: (n,) int32, the label that each sends images to."""

    target: npt.NDArray[np.int32]
    triggers: Sequence[TriggerFile]

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `to_bytes` has written."""
        arrays = load_file(path)
        target = arrays["target"]
        each = [TriggerFile(mask=arrays["mask"][n], pattern=arrays["pattern"][n]) for n in range(len(target))]
        return cls(target=target, triggers=each)

    def to_bytes(self) -> bytes:
        """The contents of the file: no mask and no pattern where there is no trigger."""
        arrays = {"target": np.asarray(self.target, np.int32)}
        if self.triggers:
            arrays["mask"] = np.stack([one.mask for one in self.triggers])
            arrays["pattern"] = np.stack([one.pattern for one in self.triggers])
        return save(arrays)
