"""/v1/submissions/{id}/result.sarif and attestation.json: a result in the forms that other tools read."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response

from api.results import absent
from api.results.exports.sarif import sarif
from api.service.auditing import note
from api.service.callers import Caller
from api.service.dependencies import AService, Reader
from api.service.problems import responses
from api.service.reading import result_of
from api.service.routes.submissions import SubmissionId
from api.service.service import Service
from nc_core.results import files
from nc_core.results.files import as_json

router = APIRouter(
    prefix="/v1/submissions/{id}", tags=["results"], responses=responses(401, 403, 404, 409, 421, 422, 429, 503)
)


def _json(name: str, description: str) -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": description, "content": {files.FILES[name].media_type: {"schema": {"type": "object"}}}}
    }


@router.get("/result.sarif", response_class=Response, responses=_json(files.SARIF, "A SARIF 2.1.0 log"))
def as_sarif(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """The findings as SARIF 2.1.0: one result for each flagged label, or one where there is no verdict."""
    with service.store.read() as session:
        found = sarif(result_of(session, caller, submission_id))
    return _given(service, caller, submission_id, files.SARIF, found)


@router.get("/attestation.json", response_class=Response, responses=_json(files.ATTESTATION, "A DSSE envelope"))
def as_attestation(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """The verdict as an in-toto Statement in a DSSE envelope, signed with this installation's Ed25519 key."""
    from api.results.exports.attestation import attestation
    from api.results.exports.keys import key_of

    with service.store.read() as session:
        result = result_of(session, caller, submission_id)
    absent.check_final(files.ATTESTATION, submission_id=submission_id, state=result["state"])
    found = attestation(result, key_of(service.settings))
    return _given(service, caller, submission_id, files.ATTESTATION, found)


def _given(service: Service, caller: Caller, submission_id: str, name: str, content: Mapping[str, Any]) -> Response:
    with service.store.write() as session:
        note(session, caller, "download", submission_id, file=name)
    return Response(as_json(content), media_type=files.FILES[name].media_type)
