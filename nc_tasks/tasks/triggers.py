"""Reversed triggers as artefacts: those of a scan's labels, and those that were reversed afresh on repaired nets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file, save

from nc_tasks.store import Submission
from nc_tasks.store.queries import findings
from nc_tasks.worker.process import WorkerProcess

if TYPE_CHECKING:
    from nc_core.inversion import Trigger
    from nc_core.mitigation import TargetTrigger


def of_scan(worker: WorkerProcess, submission: Submission, flagged: Sequence[int]) -> "dict[int, Trigger]":
    """The triggers that the scan reversed for these labels."""
    from nc_core.inversion import Trigger

    with worker.store.read() as session:
        rows = {row.label: row for row in findings.latest(session, submission_id=submission.id)}
    arrays = {label: load_file(worker.artefacts.path(str(rows[label].trigger_sha256))) for label in flagged}
    return {label: Trigger(mask=a["mask"], pattern=a["pattern"]) for label, a in arrays.items()}


def packed(found: "Sequence[TargetTrigger]") -> bytes:
    """Triggers and their targets as one safetensors file; nothing in it where there is none."""
    arrays = {"target": np.array([one.target for one in found], np.int32)}
    if found:
        arrays["mask"] = np.stack([one.trigger.mask for one in found])
        arrays["pattern"] = np.stack([one.trigger.pattern for one in found])
    return save(arrays)


def unpacked(worker: WorkerProcess, digest: str) -> "list[TargetTrigger]":
    """What `packed` has written."""
    from nc_core.inversion import Trigger
    from nc_core.mitigation import TargetTrigger

    arrays = load_file(worker.artefacts.path(digest))
    return [
        TargetTrigger(int(target), Trigger(mask=arrays["mask"][nth], pattern=arrays["pattern"][nth]))
        for nth, target in enumerate(arrays["target"])
    ]
