"""/metrics: what Prometheus reads, with a key of the scope read where there are keys."""

from typing import Any

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.service.dependencies import AService, require
from api.service.problems import responses

router = APIRouter(tags=["health"], dependencies=[Depends(require("read"))])
TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "In Prometheus' text format"}
}


@router.get("/metrics", response_class=Response, responses={**TEXT, **responses(401, 403, 503)})
def metrics(service: AService) -> Response:
    """Queue, slots, workers and verdicts, counted in the store."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)
