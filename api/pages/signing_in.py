"""Signing in: a key begins a session, and its id goes into a cookie that no script reads and no other site sends."""

from urllib.parse import parse_qsl

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from api.pages.door import PageRoute, own_path, to
from api.pages.rendering import page
from api.service.callers import COOKIE, check_origin
from api.service.dependencies import AService, count_stranger, wrong_key
from api.service.problems import ProblemError
from api.service.service import Service
from nc_tasks.store.rows import keys, page_sessions

router = APIRouter(route_class=PageRoute, include_in_schema=False)

FORM = "application/x-www-form-urlencoded"
FIELDS = 8
"""Of the two that the form has, and what a browser's helpers may add."""


@router.get("/sign-in")
def ask(request: Request, then: str = "/") -> Response:
    """The form that asks for the key."""
    return page(request, "sign_in.html", error=None, then=own_path(then))


@router.post("/sign-in")
async def sign_in(request: Request, service: AService) -> Response:
    """Begin a session, if the key is one."""
    check_origin(request, proven=True)
    fields = await _fields(request)
    key, then = fields.get("key", "").strip(), own_path(fields.get("then", "/"))
    text = await to_thread.run_sync(_begin, request, service, key)
    if text is None:
        error = "This key is not valid: it is unknown or was revoked."
        return page(request, "sign_in.html", status=401, error=error, then=then)
    response = to(then)
    secure = request.url.scheme == "https"
    response.set_cookie(
        COOKIE, text, max_age=page_sessions.KEPT_SECONDS, httponly=True, samesite="strict", secure=secure
    )
    return response


def _begin(request: Request, service: Service, key: str) -> str | None:
    """The id of a new session in place of the visitor's earlier one; None for a wrong key, which is counted."""
    with service.store.read() as session:
        found = keys.authenticate(session, text=key)
    if found is None:
        count_stranger(request, service)
        wrong_key(request, service, key)
        return None
    with service.store.write() as session:
        page_sessions.end(session, text=request.cookies.get(COOKIE, ""))
        return page_sessions.begin(session, key_id=found.id)


async def _fields(request: Request) -> dict[str, str]:
    """The form, from memory: whoever signs in has no key yet, and may leave nothing on the disk."""
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != FORM:
        raise ProblemError(415, f"the body is {kind[:80]!r}: send {FORM}")
    try:
        return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), max_num_fields=FIELDS))
    except ValueError:
        raise ProblemError(400, f"the form has more than {FIELDS} fields: send key and then") from None


@router.post("/sign-out")
def sign_out(request: Request, service: AService) -> Response:
    """End the session."""
    check_origin(request, proven=True)
    if text := request.cookies.get(COOKIE):
        with service.store.write() as session:
            page_sessions.end(session, text=text)
    response = to("/sign-in")
    response.delete_cookie(COOKIE)
    return response
