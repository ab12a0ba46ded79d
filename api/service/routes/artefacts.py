"""/v1/artefacts/{sha256}: need a file be uploaded?"""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.service.dependencies import AnArtefactStore, AStore, Knower
from api.service.models.submission import DIGEST_PATTERN
from api.service.problems import responses
from api.service.requests import known_file

router = APIRouter(prefix="/v1/artefacts", tags=["artefacts"], responses=responses(401, 403, 404, 421, 422, 429, 503))


@router.head("/{sha256}", response_class=Response)
def known(
    sha256: Annotated[str, Path(pattern=DIGEST_PATTERN)], store: AStore, artefacts: AnArtefactStore, caller: Knower
) -> Response:
    """200 where the caller has uploaded this file before or was given it by a scan: its digest stands for it."""
    with store.read() as session:
        known_file(session, artefacts, caller, sha256, None)
    return Response(status_code=200)
