"""/v1/attestation.pub.pem: what attestations of this installation are verified with."""

from fastapi import APIRouter, Response

from api.service.dependencies import Reader, SomeSettings
from api.service.problems import responses

router = APIRouter(prefix="/v1", tags=["results"], responses=responses(401, 403, 421, 422, 429, 503))

PEM = "application/x-pem-file"


@router.get(
    "/attestation.pub.pem",
    response_class=Response,
    responses={200: {"description": "An Ed25519 public key", "content": {PEM: {"schema": {"type": "string"}}}}},
)
def public_key(settings: SomeSettings, caller: Reader) -> Response:
    """The public half of the key that attestations are signed with, as PEM: keep it, and verify with it."""
    from api.results.exports.keys import key_of, public_pem

    del caller
    return Response(public_pem(key_of(settings).public_key()), media_type=PEM)
