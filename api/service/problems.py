"""Errors as problem details (RFC 9457): one line that says what, the limit, the actual value, and what to do."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import Route

from nc_core.errors import CleanseError, InputRefused
from nc_tasks.errors import ArtefactsUnreachable, KeyReused, NotFound, StoreUnusable, WrongState
from nc_tasks.request.validation import line_of

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
COMPONENT = {"$ref": "#/components/schemas/Problem"}

STATUS_OF: dict[type[CleanseError], int] = {
    InputRefused: 422,
    KeyReused: 409,
    NotFound: 404,
    WrongState: 409,
    StoreUnusable: 503,
    ArtefactsUnreachable: 503,
}
"""What an error of ours is answered with; any other is a fault of the service."""
AGAIN = {"Retry-After": "5"}
"""When to come again while the database, the broker or the bucket is away."""


class Problem(BaseModel):
    """Why a request was not fulfilled."""

    type: str = Field(description="`about:blank`: the status says it all.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="One line: what, the limit, the actual value, what to do.")
    instance: str = Field(description="The path that was asked for.")
    limit: int | None = Field(default=None, description="The limit that was passed, where there is one.")


class ProblemError(HTTPException):
    """Raised by a route to be answered as a problem. limit: the one that was passed, if any."""

    def __init__(
        self, status: int, detail: str, *, limit: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, headers)
        self.limit = limit


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route's `responses` say of these statuses."""
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": COMPONENT}}}
        for status in statuses
    }


def binary(media_type: str, description: str = "The file") -> dict[int | str, dict[str, Any]]:
    """What a route's `responses` say of a file that it answers with."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": description, "content": content}}


def add_handlers(app: FastAPI) -> None:
    """Have every error of the application answered as a problem."""
    app.add_exception_handler(CleanseError, _of_ours)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    for kind in (SQLAlchemyError, RedisError):
        app.add_exception_handler(kind, _of_away)
    app.add_exception_handler(Exception, _of_fault)


def answer(
    request: Request,
    status: int,
    detail: str,
    *,
    limit: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The response of a problem."""
    problem = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=" ".join(detail.split()),
        instance=request.url.path,
        limit=limit,
    )
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _of_ours(request: Request, error: Exception) -> JSONResponse:
    status = next((status for kind, status in STATUS_OF.items() if isinstance(error, kind)), 500)
    if status >= 500:
        log.error("%s %s: %s", request.method, request.url.path, error)
    return answer(request, status, str(error), headers=AGAIN if status == 503 else None)


def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return _of_method(request, dict(error.headers or {}))
    limit = error.limit if isinstance(error, ProblemError) else None
    return answer(request, error.status_code, str(error.detail), limit=limit, headers=error.headers)


def _of_method(request: Request, headers: dict[str, str]) -> JSONResponse:
    """405 with all methods of the path; the router itself names those of the first route alone."""
    routes = (route for router in request.app.state.routers for route in router.routes if isinstance(route, Route))
    found = [route.methods or set() for route in routes if route.path_regex.match(request.url.path)]
    if found:
        headers["Allow"] = ", ".join(sorted(set().union(*found)))
    return answer(request, 405, f"{request.method} is not for this path: {headers.get('Allow')} is", headers=headers)


def _of_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return answer(request, 422, "; ".join(line_of(entry) for entry in error.errors()))


def _of_away(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s: %s", request.method, request.url.path, " ".join(str(error).split()))
    detail = "the database or the broker does not answer: try again soon"
    return answer(request, 503, detail, headers=AGAIN)


def _of_fault(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s: %s: %s", request.method, request.url.path, type(error).__name__, error)
    return answer(request, 500, "a fault of the service; its log says more")
