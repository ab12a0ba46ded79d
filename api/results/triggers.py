"""The reversed triggers of a scan, as arrays from the store and the artefacts."""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from nc_core.detection.arrays import EvidenceArrays
from nc_core.results.triggers import TriggerArrays, arrays_of
from nc_tasks.files import ArtefactStore
from nc_tasks.files.evidence import read_arrays
from nc_tasks.files.triggers import FreshTriggersFile, TriggerFile
from nc_tasks.store import Mitigation
from nc_tasks.store.queries import findings


def done_triggers(session: Session, submission_id: str) -> dict[int, str]:
    """Label -> digest of its trigger; not of labels that were screened out: theirs are where a glance left them."""
    rows = findings.latest(session, submission_id=submission_id)
    return {row.label: row.trigger_sha256 for row in rows if row.trigger_sha256 and row.state == "done"}


def read_triggers(artefacts: ArtefactStore, digests: Mapping[int, str], input_shape: Sequence[int]) -> TriggerArrays:
    """The triggers of these labels, stacked; with no label, arrays of length 0."""
    return arrays_of({label: TriggerFile.read(artefacts.path(one)) for label, one in digests.items()}, input_shape)


def read_evidence(artefacts: ArtefactStore, digests: Mapping[int, str]) -> dict[int, EvidenceArrays]:
    """Label -> what of its evidence can be drawn. digests: of `findings.drawn`."""
    return {label: read_arrays(artefacts.path(digest)) for label, digest in digests.items()}


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
    return arrays_of(smallest, kept.triggers[0].pattern.shape if smallest else (1, 1, 1))
