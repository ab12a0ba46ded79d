"""Who looks at a page, and what a visitor sees who may not, or who asked for something that is not there."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from api.pages.rendering import HEADERS, page
from api.service.callers import COOKIE, Caller
from api.service.dependencies import require
from api.service.problems import STATUS_OF
from nc_core.errors import CleanseError
from nc_tasks.request.validation import line_of
from nc_tasks.store.tables.states import Scope

SIGN_IN = "/sign-in"


def visitor(scope: Scope) -> Callable[..., Caller]:
    """A dependency: the caller, who must have the scope; the page's frame is drawn for them."""

    def known(request: Request, caller: Annotated[Caller, Depends(require(scope))]) -> Caller:
        request.state.caller = caller
        return caller

    return known


Reading = Annotated[Caller, Depends(visitor("read"))]
Submitting = Annotated[Caller, Depends(visitor("submit"))]


class PageRoute(APIRoute):
    """A route whose errors are pages, and which asks for a key where one is needed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with errors answered."""
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except (HTTPException, RequestValidationError, CleanseError) as error:
                return refusal(request, error)

        return answered


def refusal(request: Request, error: Exception) -> Response:
    """The page of an error; where a key is missing, the way to where it is asked for. Faults of ours are raised on."""
    status, detail = status_of(error)
    if status == HTTPStatus.UNAUTHORIZED:
        response = to(f"{SIGN_IN}?{urlencode({'then': request.url.path})}" if request.method == "GET" else SIGN_IN)
        response.delete_cookie(COOKIE)
        return response
    shown = page(request, "problem.html", status=status, title=HTTPStatus(status).phrase, detail=detail)
    shown.headers.update(getattr(error, "headers", None) or {})
    return shown


def status_of(error: Exception) -> tuple[int, str]:
    """What an error is answered with; raises one that is no refusal."""
    if isinstance(error, HTTPException):
        return error.status_code, str(error.detail)
    if isinstance(error, RequestValidationError):
        return 422, "; ".join(line_of(entry) for entry in error.errors())
    status = next((status for kind, status in STATUS_OF.items() if isinstance(error, kind)), None)
    if status is None:
        raise error
    return status, str(error)


def to(address: str) -> RedirectResponse:
    """Go there with a GET."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, headers=HEADERS)


def own_path(text: str) -> str:
    """The path if it is one of this service, else the first page: no link may lead a visitor elsewhere."""
    parts = urlsplit(text)
    own = text.startswith("/") and text[1:2] not in ("/", "\\") and not parts.netloc and text.isprintable()
    return text if own else "/"
