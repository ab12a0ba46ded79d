"""The reversed triggers of a scan as arrays, and `triggers.npz`, which holds them."""

import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from nc_tasks.files import ArtefactStore
from nc_tasks.files.triggers import FreshTriggersFile, TriggerFile
from nc_tasks.store import Mitigation
from nc_tasks.store.queries import findings


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


def done_triggers(session: Session, submission_id: str) -> dict[int, str]:
    """Label -> digest of its trigger; not of labels that were screened out: theirs are where a glance left them."""
    rows = findings.latest(session, submission_id=submission_id)
    return {row.label: row.trigger_sha256 for row in rows if row.trigger_sha256 and row.state == "done"}


def read_triggers(artefacts: ArtefactStore, digests: Mapping[int, str], input_shape: Sequence[int]) -> TriggerArrays:
    """The triggers of these labels, stacked; with no label, arrays of length 0."""
    height, width, channels = input_shape
    chosen = sorted(digests)
    mask = np.zeros((len(chosen), height, width), np.float32)
    pattern = np.zeros((len(chosen), height, width, channels), np.float32)
    for index, label in enumerate(chosen):
        trigger = TriggerFile.read(artefacts.path(digests[label]))
        mask[index], pattern[index] = trigger.mask, trigger.pattern
    return TriggerArrays(labels=np.array(chosen, np.int32), mask=mask, pattern=pattern)


def read_repaired(artefacts: ArtefactStore, repairs: Sequence[Mitigation]) -> dict[str, TriggerArrays]:
    """Method -> the smallest trigger a label that was reversed on the model it repaired."""
    return {row.method: read_fresh(artefacts, row.triggers_sha256) for row in repairs if row.triggers_sha256}


def read_fresh(artefacts: ArtefactStore, digest: str) -> TriggerArrays:
    """The smallest trigger of every label among those that were reversed on one repaired model."""
    kept = FreshTriggersFile.read(artefacts.path(digest))
    smallest: dict[int, TriggerFile] = {}
    for target, trigger in zip(kept.target, kept.triggers, strict=True):
        known = smallest.get(int(target))
        if known is None or trigger.mask.sum() < known.mask.sum():
            smallest[int(target)] = trigger
    labels = sorted(smallest)
    if not labels:
        empty = np.zeros((0, 1, 1, 1), np.float32)
        return TriggerArrays(labels=np.array(labels, np.int32), mask=empty[..., 0], pattern=empty)
    return TriggerArrays(
        labels=np.array(labels, np.int32),
        mask=np.stack([smallest[label].mask for label in labels]),
        pattern=np.stack([smallest[label].pattern for label in labels]),
    )


def write_npz(
    to: BinaryIO, labels: Sequence[int], input_shape: Sequence[int], trigger_of: Callable[[int], TriggerFile]
) -> None:
    """Write `labels` (L,), `mask` (L, H, W) and `pattern` (L, H, W, C), label by label.

    All triggers at once may be more than the memory of this process: trigger_of is asked for each when it is its turn,
    once for the mask and once for the pattern. labels: ascending.
    """
    height, width, channels = input_shape
    with zipfile.ZipFile(to, "w") as archive:
        _write(archive, "labels", np.int32, (len(labels),), [np.array(labels, np.int32)])
        _write(archive, "mask", np.float32, (len(labels), height, width), (trigger_of(one).mask for one in labels))
        patterns = (trigger_of(one).pattern for one in labels)
        _write(archive, "pattern", np.float32, (len(labels), height, width, channels), patterns)


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
