"""Signing in: the key goes into a cookie that scripts cannot read and other sites cannot send."""

from urllib.parse import parse_qsl

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from api.pages.auth import PageRoute, own_path, to
from api.pages.rendering import page
from api.service.callers import COOKIE, check_origin
from api.service.dependencies import AService, count_stranger, wrong_key
from api.service.problems import ProblemError
from nc_tasks.store.rows import keys

router = APIRouter(route_class=PageRoute, include_in_schema=False)

KEEP_SECONDS = 12 * 3600
"""A working day; the key itself is good until it is revoked."""
FORM = "application/x-www-form-urlencoded"
FIELDS = 8
"""Of the two that the form has, and what a browser's helpers may add."""


@router.get("/sign-in")
def ask(request: Request, then: str = "/") -> Response:
    """The form that asks for the key."""
    return page(request, "sign_in.html", error=None, then=own_path(then))


@router.post("/sign-in")
async def sign_in(request: Request, service: AService) -> Response:
    """Keep the key in the cookie, if it is one."""
    check_origin(request, proven=True)
    fields = await _fields(request)
    key, then = fields.get("key", "").strip(), own_path(fields.get("then", "/"))
    with service.store.read() as session:
        known = keys.authenticate(session, text=key) is not None
    if not known:
        count_stranger(request, service)
        await to_thread.run_sync(wrong_key, request, service, key)
        error = "This key is not valid: it is unknown or was revoked."
        return page(request, "sign_in.html", status=401, error=error, then=then)
    response = to(then)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, key, max_age=KEEP_SECONDS, httponly=True, samesite="strict", secure=secure)
    return response


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
def sign_out(request: Request) -> Response:
    """Forget the key."""
    check_origin(request, proven=True)
    response = to("/sign-in")
    response.delete_cookie(COOKIE)
    return response
