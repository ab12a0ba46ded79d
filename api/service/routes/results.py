"""/v1/submissions/{id}/result.json and the other files that a scan leaves, made when they are asked for."""

import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, StreamingResponse

from api.results import absent
from api.results.outputs import net_digests, read_report, write_onnx
from api.results.triggers import done_triggers, read_evidence
from api.service.auditing import given
from api.service.callers import Caller
from api.service.dependencies import AService, Reader
from api.service.models.result import Result
from api.service.problems import binary, responses
from api.service.reading import judged, result_of
from api.service.routes.submissions import SubmissionId
from api.service.service import Service
from api.service.uploads.receiving import PIECE_BYTES
from nc_core.detection.arrays import moves_of
from nc_core.results import files
from nc_core.results.files import as_json
from nc_core.results.triggers import write_npz
from nc_tasks.errors import NotFound
from nc_tasks.files.triggers import TriggerFile
from nc_tasks.store.queries import findings
from nc_tasks.store.rows import mitigations

router = APIRouter(
    prefix="/v1/submissions/{id}", tags=["results"], responses=responses(401, 403, 404, 409, 421, 422, 429, 503)
)

REPORT_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""The page's own policy names the one style that it has; this one keeps it from everything else."""


@router.get("/result.json", response_model=Result)
def result(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """What the scan found: the contract's result.json."""
    with service.store.read() as session:
        found = result_of(session, caller, submission_id)
    text = as_json(found)
    return given(
        service, caller, submission_id, files.RESULT, Response(text, media_type=files.FILES[files.RESULT].media_type)
    )


@router.get("/report.html", response_class=Response, responses=binary(files.FILES[files.REPORT].media_type, "The page"))
def report(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """The result as one page that needs nothing but itself."""
    with service.store.read() as session:
        judged(session, caller, submission_id)
    page = read_report(service.store, service.artefacts, submission_id)
    headers = {"Content-Security-Policy": REPORT_POLICY}
    answer = Response(page, media_type=files.FILES[files.REPORT].media_type, headers=headers)
    return given(service, caller, submission_id, files.REPORT, answer)


@router.get("/triggers.npz", response_class=Response, responses=binary(files.BINARY))
def triggers(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """All reversed triggers: labels (L), mask (L, H, W) in 0..1, pattern (L, H, W, C) in the model's input range.

    Of the trigger without a target, where the net was asked: any_target_mask (H, W), any_target_pattern (H, W, C), and
    any_target_counts (N, N), held-out images by their answer without it and the one with it.
    """
    with service.store.read() as session:
        height, width, channels = judged(session, caller, submission_id).input_shape or (0, 0, 0)
        digests = done_triggers(session, submission_id)
        drawn = findings.drawn(session, submission_id=submission_id)
    moves = moves_of(read_evidence(service.artefacts, drawn))
    path_of, shape = service.artefacts.path, (height, width, channels)

    def write(file: BinaryIO) -> None:
        write_npz(file, sorted(digests), shape, lambda label: TriggerFile.read(path_of(digests[label])), moves)

    answer = StreamingResponse(_made(service, write), media_type=files.BINARY)
    answer.headers["Content-Disposition"] = f'attachment; filename="{files.TRIGGERS}"'
    return given(service, caller, submission_id, files.TRIGGERS, answer)


def _made(service: Service, write: Callable[[BinaryIO], None]) -> Iterator[bytes]:
    """A file that is made for this request, in pieces."""
    # A file without a name: whatever becomes of this request, nothing stays.
    file = tempfile.TemporaryFile(dir=service.artefacts.incoming)  # noqa: SIM115
    try:
        write(file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return _pieces(file)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


@router.get("/scanned.keras", response_class=Response, responses=binary(files.BINARY))
def scanned(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """The net that was scanned, as one plain Keras file: what the verdict is about, and the one to deploy where it is
    clean.
    """
    return _net(submission_id, service, caller, files.SCANNED)


@router.get("/goodnet.keras", response_class=Response, responses=binary(files.BINARY))
def goodnet(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """The repaired model, where a repair was made."""
    return _net(submission_id, service, caller, files.GOODNET)


@router.get("/guarded.keras", response_class=Response, responses=binary(files.BINARY))
def guarded(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """The repaired model with one output more: the last class is "backdoored input"."""
    return _net(submission_id, service, caller, files.GUARDED)


@router.get("/scanned.onnx", response_class=Response, responses=binary(files.BINARY))
def scanned_onnx(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """The net that was scanned as ONNX, with names, layout and value range of the ONNX file that was submitted."""
    return _onnx(submission_id, service, caller, files.SCANNED_ONNX)


@router.get("/goodnet.onnx", response_class=Response, responses=binary(files.BINARY))
def goodnet_onnx(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """The repaired model likewise, where a repair was made."""
    return _onnx(submission_id, service, caller, files.GOODNET_ONNX)


@router.get("/guarded.onnx", response_class=Response, responses=binary(files.BINARY))
def guarded_onnx(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """The repaired model with one output more likewise."""
    return _onnx(submission_id, service, caller, files.GUARDED_ONNX)


def _onnx(submission_id: str, service: Service, caller: Caller, name: str) -> Response:
    canonical = service.artefacts.path(net_digest(service, caller, submission_id, name))
    pieces = _made(service, lambda file: write_onnx(canonical, file))
    answer = StreamingResponse(pieces, media_type=files.FILES[name].media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return given(service, caller, submission_id, name, answer)


def _net(submission_id: str, service: Service, caller: Caller, name: str) -> Response:
    path = service.artefacts.path(net_digest(service, caller, submission_id, name))
    answer = FileResponse(path, media_type=files.FILES[name].media_type, filename=name)
    return given(service, caller, submission_id, name, answer)


def net_digest(service: Service, caller: Caller, submission_id: str, name: str) -> str:
    """The digest of a net's file, of an ONNX file's canonical form; raises NotFound, or WrongState before its end."""
    with service.store.read() as session:
        submission = judged(session, caller, submission_id)
        absent.check_final(name, submission_id=submission_id, state=submission.state)
        made = net_digests(submission, mitigations.of_submission(session, submission_id=submission_id))
    if name not in made:
        raise NotFound(absent.missing(name, submission_id=submission_id))
    return made[name]
