"""What clients ask of the service itself: its OpenAPI document, its public key, and whether it has a file already."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from api.service.dependencies import AnArtefactStore, AStore, Knower, Reader, SomeSettings
from api.service.models.submission import DIGEST_PATTERN
from api.service.problems import responses
from api.service.requests import known_file

router = APIRouter(prefix="/v1")

PEM = "application/x-pem-file"
KEY: dict[int | str, dict[str, Any]] = {
    200: {"description": "An Ed25519 public key", "content": {PEM: {"schema": {"type": "string"}}}}
}


@router.get("/openapi.json", tags=["schema"], responses=responses(401, 403, 421, 429, 503))
def schema(request: Request, caller: Reader) -> dict[str, Any]:
    """The OpenAPI document."""
    del caller  # it is enough that there is one
    document: dict[str, Any] = request.app.openapi()
    return document


@router.get(
    "/attestation.pub.pem",
    tags=["results"],
    response_class=Response,
    responses={**KEY, **responses(401, 403, 421, 422, 429, 503)},
)
def public_key(settings: SomeSettings, caller: Reader) -> Response:
    """The public half of the key that attestations are signed with, as PEM: keep it, and verify with it."""
    from api.results.exports.keys import key_of, public_pem

    del caller
    return Response(public_pem(key_of(settings).public_key()), media_type=PEM)


@router.head(
    "/artefacts/{sha256}",
    tags=["artefacts"],
    response_class=Response,
    responses=responses(401, 403, 404, 421, 422, 429, 503),
)
def known(
    sha256: Annotated[str, Path(pattern=DIGEST_PATTERN)], store: AStore, artefacts: AnArtefactStore, caller: Knower
) -> Response:
    """200 where the caller has uploaded this file before or was given it by a scan: its digest stands for it."""
    with store.read() as session:
        known_file(session, artefacts, caller, sha256, None)
    return Response(status_code=200)
