"""The reversed triggers of a scan as arrays, and `triggers.npz`, which holds them."""

import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from nc_core.detection.arrays import Moves


class MaskAndPattern(Protocol):
    """One trigger, in whatever it is kept."""

    @property
    def mask(self) -> npt.NDArray[np.float32]:
        """(H, W), in 0..1."""

    @property
    def pattern(self) -> npt.NDArray[np.float32]:
        """(H, W, C), in the model's input domain."""


@dataclass(frozen=True, kw_only=True)
class TriggerArrays:
    """labels (L,) int32, ascending; mask (L, H, W) float32 in 0..1; pattern (L, H, W, C) float32.

    Patterns are in the submitted model's own input domain.
    """

    labels: npt.NDArray[np.int32]
    mask: npt.NDArray[np.float32]
    pattern: npt.NDArray[np.float32]

    def of(self, label: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None:
        """Mask (H, W) and pattern (H, W, C) of a label, or None where the label has no trigger."""
        found = np.flatnonzero(self.labels == label)
        return (self.mask[found[0]], self.pattern[found[0]]) if len(found) else None


def arrays_of(triggers: Mapping[int, MaskAndPattern], input_shape: Sequence[int]) -> TriggerArrays:
    """The triggers of labels, stacked; with no label, arrays of length 0. input_shape: (H, W, C)."""
    height, width, channels = input_shape
    labels = sorted(triggers)
    mask = np.zeros((len(labels), height, width), np.float32)
    pattern = np.zeros((len(labels), height, width, channels), np.float32)
    for index, label in enumerate(labels):
        mask[index], pattern[index] = triggers[label].mask, triggers[label].pattern
    return TriggerArrays(labels=np.array(labels, np.int32), mask=mask, pattern=pattern)


def write_npz(
    to: BinaryIO,
    labels: Sequence[int],
    input_shape: Sequence[int],
    trigger_of: Callable[[int], MaskAndPattern],
    moves: Moves | None = None,
) -> None:
    """Write `labels` (L,), `mask` (L, H, W) and `pattern` (L, H, W, C), label by label; of a trigger without a target
    `any_target_mask` (H, W), `any_target_pattern` (H, W, C) and `any_target_counts` (N, N), as `Moves` has them.

    All triggers at once may be more than the memory of this process: trigger_of is asked for each when it is its turn,
    once for the mask and once for the pattern. labels: ascending.
    """
    height, width, channels = input_shape
    with zipfile.ZipFile(to, "w") as archive:
        _write(archive, "labels", np.int32, (len(labels),), [np.array(labels, np.int32)])
        _write(archive, "mask", np.float32, (len(labels), height, width), (trigger_of(one).mask for one in labels))
        patterns = (trigger_of(one).pattern for one in labels)
        _write(archive, "pattern", np.float32, (len(labels), height, width, channels), patterns)
        if moves is not None:
            _write(archive, "any_target_mask", np.float32, moves.mask.shape, [moves.mask])
            _write(archive, "any_target_pattern", np.float32, moves.pattern.shape, [moves.pattern])
            _write(archive, "any_target_counts", np.int32, moves.counts.shape, [moves.counts])


def _write(
    archive: zipfile.ZipFile,
    name: str,
    kind: type[np.generic],
    shape: tuple[int, ...],
    parts: Iterable[npt.NDArray[Any]],
) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        _write_header(file, kind, shape)
        for part in parts:
            file.write(np.ascontiguousarray(part, kind).tobytes())


def _write_header(file: IO[bytes], kind: type[np.generic], shape: tuple[int, ...]) -> None:
    described = {"descr": np.lib.format.dtype_to_descr(np.dtype(kind)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)
