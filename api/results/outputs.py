"""Writes the files of a scan: each aside and renamed, result.json last: it vouches for the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from api.results.absent import check_final, missing
from api.results.triggers import done_triggers, read_evidence, read_repaired, read_triggers
from nc_core.datasets import CleanData, Images
from nc_core.detection.arrays import EvidenceArrays, Moves, moves_of
from nc_core.results.files import (
    ATTESTATION,
    FILES,
    GOODNET,
    GOODNET_ONNX,
    GUARDED,
    GUARDED_ONNX,
    REPORT,
    SARIF,
    SCANNED,
    SCANNED_ONNX,
    Format,
    OutputFile,
    as_json,
    renewed,
)
from nc_core.results.folder import copy_file, write_file
from nc_core.results.triggers import TriggerArrays, write_npz
from nc_tasks.errors import NotFound
from nc_tasks.files import ArtefactStore
from nc_tasks.files.triggers import TriggerFile
from nc_tasks.settings import Settings
from nc_tasks.store import Mitigation, Store, Submission
from nc_tasks.store.queries import findings
from nc_tasks.store.rows import mitigations, submissions
from nc_tasks.views.repairs import kept_repair
from nc_tasks.views.results import result_json


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a submission that is done has to show.

    nets: file name -> the file of the net that was scanned, of the repaired and of the guarded one; for an ONNX file,
    the canonical form that it is written from. fresh: method -> the smallest trigger a label that was reversed on the
    model it repaired. arrays: label -> what of its evidence can be drawn.
    """

    result: dict[str, Any]
    triggers: TriggerArrays
    examples: Images | None
    nets: Mapping[str, Path]
    fresh: Mapping[str, TriggerArrays]
    arrays: Mapping[int, EvidenceArrays]


def read_scan(store: Store, artefacts: ArtefactStore, submission_id: str) -> Scan:
    """Gather the result, from SQL and the artefacts; raises MissingArtefact where a file is gone."""
    with store.read() as session:
        submission = submissions.get(session, submission_id=submission_id)
        result = result_json(session, submission_id)
        digests = done_triggers(session, submission_id)
        drawn = findings.drawn(session, submission_id=submission_id)
        repairs = mitigations.of_submission(session, submission_id=submission_id)
    clean = submission.clean_data_sha256
    return Scan(
        result=result,
        triggers=read_triggers(artefacts, digests, result["model"]["input_shape"]),
        examples=CleanData.load(artefacts.path(clean)).images if clean else None,
        nets={name: artefacts.path(digest) for name, digest in net_digests(submission, repairs).items()},
        fresh=read_repaired(artefacts, repairs),
        arrays=read_evidence(artefacts, drawn),
    )


def net_digests(submission: Submission, repairs: Sequence[Mitigation]) -> dict[str, str]:
    """Name -> sha256 of the nets that the submission has to give; for an ONNX file, of its canonical form."""
    kept = kept_repair(repairs)
    made = {SCANNED: submission.scanned_sha256, SCANNED_ONNX: submission.canonical_sha256}
    if kept is not None:
        made |= {GOODNET: kept.goodnet_sha256, GOODNET_ONNX: kept.canonical_sha256}
        made |= {GUARDED: kept.guarded_sha256, GUARDED_ONNX: kept.guarded_canonical_sha256}
    return {name: digest for name, digest in made.items() if digest is not None}


def write_onnx(canonical: Path, file: BinaryIO) -> None:
    """Write the net of a canonical file as ONNX; raises what `nc_core.onnx_writer.write_onnx` does."""
    from nc_core import onnx_writer
    from nc_core.intake import load_canonical

    onnx_writer.write_onnx(load_canonical(canonical), file)


def read_report(store: Store, artefacts: ArtefactStore, submission_id: str) -> str:
    """The report as HTML, from no more triggers than it shows; raises MissingArtefact where a file is gone."""
    from nc_core.results.report import render_report
    from nc_core.results.report.view import with_card

    with store.read() as session:
        submission = submissions.get(session, submission_id=submission_id)
        result = result_json(session, submission_id)
        digests = done_triggers(session, submission_id)
        drawn = findings.drawn(session, submission_id=submission_id)
        repairs = mitigations.of_submission(session, submission_id=submission_id)
    shown = {row["label"]: digests[row["label"]] for row in with_card(result) if row["label"] in digests}
    triggers = read_triggers(artefacts, shown, result["model"]["input_shape"])
    clean = submission.clean_data_sha256
    examples = CleanData.load(artefacts.path(clean)).images if clean else None
    fresh, arrays = read_repaired(artefacts, repairs), read_evidence(artefacts, drawn)
    return render_report(result, triggers, examples, fresh, arrays)


def write_scan(folder: Path, scan: Scan, format: Format = "keras") -> None:
    """Write what `cleanse run` writes; files of an earlier scan that this one has no successor for are removed."""
    for name in renewed(folder, scan.result, format):
        _write(scan, FILES[name], folder / name)


def write_output(scan: Scan, name: str, path: Path, *, settings: Settings) -> None:
    """Write one file of a scan under another path. settings: they say the key that attestations are signed with.

    Raises NotFound where this scan has no such file, WrongState where its repair is to end first.
    """
    check_final(name, submission_id=scan.result["submission"], state=scan.result["state"])
    if name == ATTESTATION:
        from api.results.exports.attestation import attestation
        from api.results.exports.keys import key_of

        text = as_json(attestation(scan.result, key_of(settings)))
        write_file(path, lambda aside: aside.write_text(text, "utf-8"))
    else:
        _write(scan, FILES[name], path)


def _write(scan: Scan, file: OutputFile, path: Path) -> None:
    if file.kind in ("net", "onnx"):
        if file.name not in scan.nets:
            raise NotFound(missing(file.name, submission_id=scan.result["submission"]))
        if file.kind == "net":
            copy_file(scan.nets[file.name], path)
        else:
            write_file(path, lambda aside: _save_onnx(scan.nets[file.name], aside))
    elif file.kind == "arrays":
        write_file(path, lambda aside: _write_triggers(aside, scan.triggers, moves_of(scan.arrays)))
    else:
        text = _text_of(scan, file.name)
        write_file(path, lambda aside: aside.write_text(text, "utf-8"))


def _text_of(scan: Scan, name: str) -> str:
    """A file that is text and not signed: the page, or one of the forms of the result."""
    if name == REPORT:
        from nc_core.results.report import render_report

        return render_report(scan.result, scan.triggers, scan.examples, scan.fresh, scan.arrays)
    if name == SARIF:
        from api.results.exports.sarif import sarif

        return as_json(sarif(scan.result))
    return as_json(scan.result)


def _save_onnx(canonical: Path, path: Path) -> None:
    with path.open("wb") as file:
        write_onnx(canonical, file)


def _write_triggers(path: Path, triggers: TriggerArrays, moves: Moves | None) -> None:
    of = dict(zip(triggers.labels.tolist(), zip(triggers.mask, triggers.pattern, strict=True), strict=True))
    with path.open("wb") as file:
        write_npz(
            file,
            list(of),
            triggers.pattern.shape[1:],
            lambda label: TriggerFile(mask=of[label][0], pattern=of[label][1]),
            moves,
        )
