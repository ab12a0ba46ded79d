"""Signing in: the key goes into a cookie that scripts cannot read and other sites cannot send."""

from fastapi import APIRouter, Request, Response

from api.pages.door import PageRoute, own_path, to
from api.pages.rendering import page
from api.service.callers import COOKIE, check_origin
from api.service.dependencies import AStore
from nc_tasks.store import keys

router = APIRouter(route_class=PageRoute, include_in_schema=False)

KEEP_SECONDS = 12 * 3600
"""A working day; the key itself is good until it is revoked."""


@router.get("/sign-in")
def ask(request: Request, then: str = "/") -> Response:
    """The form that asks for the key."""
    return page(request, "sign_in.html", error=None, then=own_path(then))


@router.post("/sign-in")
async def sign_in(request: Request, store: AStore) -> Response:
    """Keep the key in the cookie, if it is one."""
    check_origin(request, proven=True)
    form = await request.form()
    key, then = str(form.get("key", "")).strip(), own_path(str(form.get("then", "/")))
    with store.read() as session:
        known = keys.authenticate(session, text=key) is not None
    if not known:
        error = "This key is not valid: it is unknown or was revoked."
        return page(request, "sign_in.html", status=401, error=error, then=then)
    response = to(then)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, key, max_age=KEEP_SECONDS, httponly=True, samesite="strict", secure=secure)
    return response


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Forget the key."""
    check_origin(request, proven=True)
    response = to("/sign-in")
    response.delete_cookie(COOKIE)
    return response
