"""Writes the folder of a scan: each file aside and renamed, result.json last: it vouches for the others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from sqlalchemy.orm import Session

from api.results import scanned
from api.results.folder import copy_file, write_file
from api.results.triggers import TriggerArrays
from nc_core.datasets import CleanData, Images
from nc_tasks.errors import NotFound, WrongState
from nc_tasks.files import ArtefactStore
from nc_tasks.settings import Settings
from nc_tasks.store import Mitigation, Store
from nc_tasks.store.queries import findings
from nc_tasks.store.rows import mitigations, submissions
from nc_tasks.views.results import kept_repair, result_json

RESULT, REPORT, TRIGGERS = "result.json", "report.html", "triggers.npz"
GOODNET, GUARDED = "goodnet.keras", "guarded.keras"
SCANNED = scanned.SCANNED
SARIF, ATTESTATION = "result.sarif", "attestation.json"
ALL_FILES = (RESULT, REPORT, TRIGGERS, SCANNED, GOODNET, GUARDED)
FINAL = (GOODNET, GUARDED, ATTESTATION)
"""Files that do not say that a repair is still running: there are none before its end."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a submission that is done has to show.

    nets: file name -> the file of the net that was scanned, of the repaired and of the guarded one. fresh: method ->
    the smallest trigger a label that was reversed on the model it repaired.
    """

    result: dict[str, Any]
    triggers: TriggerArrays
    examples: Images | None
    nets: Mapping[str, Path]
    fresh: Mapping[str, TriggerArrays]


def read_scan(store: Store, artefacts: ArtefactStore, submission_id: str) -> Scan:
    """Gather the result, from SQL and the artefacts; raises MissingArtefact where a file is gone."""
    with store.read() as session:
        submission = submissions.get(session, submission_id=submission_id)
        result = result_json(session, submission_id)
        digests = done_triggers(session, submission_id)
        repairs = mitigations.of_submission(session, submission_id=submission_id)
    kept = kept_repair(repairs)
    made = {SCANNED: submission.scanned_sha256}
    made |= {GOODNET: kept.goodnet_sha256, GUARDED: kept.guarded_sha256} if kept is not None else {}
    clean = submission.clean_data_sha256
    return Scan(
        result=result,
        triggers=read_triggers(artefacts, digests, result["model"]["input_shape"]),
        examples=CleanData.load(artefacts.path(clean)).images if clean else None,
        nets={name: artefacts.path(digest) for name, digest in made.items() if digest},
        fresh=read_repaired(artefacts, repairs),
    )


def read_report(store: Store, artefacts: ArtefactStore, submission_id: str) -> str:
    """The report as HTML, from no more triggers than it shows; raises MissingArtefact where a file is gone."""
    from api.results.report import render_report
    from api.results.report.view import with_card

    with store.read() as session:
        submission = submissions.get(session, submission_id=submission_id)
        result = result_json(session, submission_id)
        digests = done_triggers(session, submission_id)
        repairs = mitigations.of_submission(session, submission_id=submission_id)
    shown = {row["label"]: digests[row["label"]] for row in with_card(result) if row["label"] in digests}
    triggers = read_triggers(artefacts, shown, result["model"]["input_shape"])
    clean = submission.clean_data_sha256
    examples = CleanData.load(artefacts.path(clean)).images if clean else None
    return render_report(result, triggers, examples, read_repaired(artefacts, repairs))


def read_repaired(artefacts: ArtefactStore, repairs: Sequence[Mitigation]) -> dict[str, TriggerArrays]:
    """Method -> the smallest trigger a label that was reversed on the model it repaired."""
    return {row.method: read_fresh(artefacts, row.triggers_sha256) for row in repairs if row.triggers_sha256}


def done_triggers(session: Session, submission_id: str) -> dict[int, str]:
    """Label -> digest of its trigger; not of labels that were screened out: theirs are where a glance left them."""
    rows = findings.latest(session, submission_id=submission_id)
    return {row.label: row.trigger_sha256 for row in rows if row.trigger_sha256 and row.state == "done"}


def read_triggers(artefacts: ArtefactStore, digests: Mapping[int, str], input_shape: list[int]) -> TriggerArrays:
    """The triggers of these labels, stacked; with no label, arrays of length 0."""
    height, width, channels = input_shape
    chosen = sorted(digests)
    mask = np.zeros((len(chosen), height, width), np.float32)
    pattern = np.zeros((len(chosen), height, width, channels), np.float32)
    for index, label in enumerate(chosen):
        arrays = load_file(artefacts.path(digests[label]))
        mask[index], pattern[index] = arrays["mask"], arrays["pattern"]
    return TriggerArrays(labels=np.array(chosen, np.int32), mask=mask, pattern=pattern)


def read_fresh(artefacts: ArtefactStore, digest: str) -> TriggerArrays:
    """The smallest trigger of every label among those that were reversed on one repaired model."""
    arrays = load_file(artefacts.path(digest))
    target = arrays["target"]
    if not len(target):
        empty = np.zeros((0, 1, 1, 1), np.float32)
        return TriggerArrays(labels=target, mask=empty[..., 0], pattern=empty)
    norms = arrays["mask"].sum(axis=(1, 2))
    rows = [min(np.flatnonzero(target == label), key=lambda row: norms[row]) for label in np.unique(target)]
    return TriggerArrays(labels=target[rows], mask=arrays["mask"][rows], pattern=arrays["pattern"][rows])


def write_scan(folder: Path, scan: Scan) -> None:
    """Write the files; those of an earlier scan that this one has no successor for are removed."""
    from api.results.report import render_report

    folder.mkdir(parents=True, exist_ok=True)
    for name in {RESULT, SCANNED, GOODNET, GUARDED} - set(scan.nets):
        (folder / name).unlink(missing_ok=True)
    page = render_report(scan.result, scan.triggers, scan.examples, scan.fresh)
    write_file(folder / REPORT, lambda path: path.write_text(page, "utf-8"))
    write_file(folder / TRIGGERS, lambda path: _save_triggers(path, scan.triggers))
    for name, source in scan.nets.items():
        copy_file(source, folder / name)
    write_file(folder / RESULT, lambda path: path.write_text(as_json(scan.result), "utf-8"))


def write_output(scan: Scan, name: str, path: Path, *, settings: Settings) -> None:
    """Write one file of a scan under another path. settings: they say the key that attestations are signed with.

    Raises NotFound where this scan has no such file, WrongState where its repair is to end first.
    """
    check_final(name, submission_id=scan.result["submission"], state=scan.result["state"])
    if name in (SCANNED, GOODNET, GUARDED):
        if name not in scan.nets:
            raise NotFound(missing(name, submission_id=scan.result["submission"]))
        copy_file(scan.nets[name], path)
    elif name == TRIGGERS:
        write_file(path, lambda aside: _save_triggers(aside, scan.triggers))
    else:
        text = _text_of(scan, name, settings)
        write_file(path, lambda aside: aside.write_text(text, "utf-8"))


def _text_of(scan: Scan, name: str, settings: Settings) -> str:
    """A file that is text: the page, or one of the forms of the result."""
    if name == REPORT:
        from api.results.report import render_report

        return render_report(scan.result, scan.triggers, scan.examples, scan.fresh)
    if name == SARIF:
        from api.results.exports.sarif import sarif

        return as_json(sarif(scan.result))
    if name == ATTESTATION:
        from api.results.exports.attestation import attestation
        from api.results.exports.keys import key_of

        return as_json(attestation(scan.result, key_of(settings)))
    return as_json(scan.result)


def missing(name: str, *, submission_id: str) -> str:
    """Why a submission with a verdict has no such net, in one line."""
    if name == SCANNED:
        why = f"it was scanned by a version that did not keep it; `cleanse retry {submission_id}` makes it"
        return f"submission {submission_id} has no {name}: {why}"
    return f"submission {submission_id} has no {name}: no repair was made"


def check_final(name: str, *, submission_id: str, state: str) -> None:
    """Raise WrongState for a file that is not there before the repairs have ended."""
    if name in FINAL and state == "repairing":
        raise WrongState(f"submission {submission_id} is repairing: {name} is there once that has ended")


def as_json(value: Mapping[str, Any]) -> str:
    """As it is written into files."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _save_triggers(path: Path, triggers: TriggerArrays) -> None:
    with path.open("wb") as file:
        np.savez(file, labels=triggers.labels, mask=triggers.mask, pattern=triggers.pattern)
