"""Reversed triggers, from the artefacts that hold them: those of a scan, and those of a repaired net."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nc_tasks.files.triggers import FreshTriggersFile, TriggerFile
from nc_tasks.store import Submission
from nc_tasks.store.queries import findings
from nc_tasks.worker.process import WorkerProcess

if TYPE_CHECKING:
    from nc_core.inversion import Trigger
    from nc_core.mitigation import TargetTrigger


def of_scan(worker: WorkerProcess, submission: Submission, flagged: Sequence[int]) -> "dict[int, Trigger]":
    """The triggers that the scan reversed for these labels; without those of which none converged."""
    with worker.store.read() as session:
        rows = {row.label: row for row in findings.latest(session, submission_id=submission.id)}
    paths = {label: worker.artefacts.path(sha256) for label in flagged if (sha256 := rows[label].trigger_sha256)}
    return {label: trigger_in(TriggerFile.read(path)) for label, path in paths.items()}


def fresh_file(found: "Sequence[TargetTrigger]") -> FreshTriggersFile:
    """Triggers and their targets, to be kept as one file."""
    return FreshTriggersFile(
        target=np.array([one.target for one in found], np.int32),
        triggers=[TriggerFile(mask=one.trigger.mask, pattern=one.trigger.pattern) for one in found],
    )


def fresh_of(worker: WorkerProcess, digest: str) -> "list[TargetTrigger]":
    """What `fresh_file` was made of."""
    from nc_core.mitigation import TargetTrigger

    kept = FreshTriggersFile.read(worker.artefacts.path(digest))
    found = zip(kept.target, kept.triggers, strict=True)
    return [TargetTrigger(int(target), trigger_in(trigger)) for target, trigger in found]


def trigger_in(file: TriggerFile) -> "Trigger":
    """The trigger as nc_core wants it."""
    from nc_core.inversion import Trigger

    return Trigger(mask=file.mask, pattern=file.pattern)
