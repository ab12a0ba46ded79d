"""/v1/openapi.json: what this service answers, for programs that make clients of it."""

from typing import Any

from fastapi import APIRouter, Request

from api.service.dependencies import Reader
from api.service.problems import responses

router = APIRouter(prefix="/v1", tags=["schema"])


@router.get("/openapi.json", responses=responses(401, 403, 421, 429, 503))
def schema(request: Request, caller: Reader) -> dict[str, Any]:
    """The OpenAPI document."""
    del caller  # it is enough that there is one
    document: dict[str, Any] = request.app.openapi()
    return document
