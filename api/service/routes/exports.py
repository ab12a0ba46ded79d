"""/v1/submissions/{id}/result.sarif and attestation.json: a result in the forms that other tools read."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response

from api.results import outputs
from api.results.exports.sarif import sarif
from api.service.auditing import note
from api.service.callers import Caller
from api.service.dependencies import AService, Reader
from api.service.problems import responses
from api.service.reading import result_of
from api.service.routes.submissions import SubmissionId
from api.service.service import Service

router = APIRouter(
    prefix="/v1/submissions/{id}", tags=["results"], responses=responses(401, 403, 404, 409, 421, 422, 429, 503)
)

SARIF = "application/sarif+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"


def _json(media_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": description, "content": {media_type: {"schema": {"type": "object"}}}}}


@router.get("/result.sarif", response_class=Response, responses=_json(SARIF, "A SARIF 2.1.0 log"))
def as_sarif(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """The findings as SARIF 2.1.0: one result for each flagged label, or one where there is no verdict."""
    with service.store.read() as session:
        found = sarif(result_of(session, caller, submission_id))
    return _given(service, caller, submission_id, "result.sarif", found, SARIF)


@router.get("/attestation.json", response_class=Response, responses=_json(ENVELOPE, "A DSSE envelope"))
def as_attestation(submission_id: SubmissionId, service: AService, caller: Reader) -> Response:
    """The verdict as an in-toto Statement in a DSSE envelope, signed with this installation's Ed25519 key."""
    from api.results.exports.attestation import attestation
    from api.results.exports.keys import key_of

    with service.store.read() as session:
        result = result_of(session, caller, submission_id)
    outputs.check_final(outputs.ATTESTATION, submission_id=submission_id, state=result["state"])
    found = attestation(result, key_of(service.settings))
    return _given(service, caller, submission_id, "attestation.json", found, ENVELOPE)


def _given(
    service: Service, caller: Caller, submission_id: str, name: str, content: Mapping[str, Any], media_type: str
) -> Response:
    with service.store.write() as session:
        note(session, caller, "download", submission_id, file=name)
    return Response(json.dumps(content, indent=2, ensure_ascii=False) + "\n", media_type=media_type)
