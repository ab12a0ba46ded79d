"""The pages' style, script and icon: public, small, held in memory."""

from functools import cache
from hashlib import sha256

from fastapi import APIRouter, Request, Response

from api.pages.rendering import HEADERS, REPORT_STYLE, STATIC
from api.service.problems import ProblemError

router = APIRouter(prefix="/static", include_in_schema=False)

FILES = {
    "report.css": (REPORT_STYLE, "text/css"),
    "pages.css": (STATIC / "pages.css", "text/css"),
    "pages.js": (STATIC / "pages.js", "text/javascript"),
    "icon.svg": (STATIC / "icon.svg", "image/svg+xml"),
}


@router.get("/{name}")
def static(request: Request, name: str) -> Response:
    """One file; a browser that has it already is told so."""
    if name not in FILES:
        raise ProblemError(404, f"no file has the name {name[:80]!r}")
    content, tag = _read(name)
    headers = {**HEADERS, "Cache-Control": "no-cache", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=FILES[name][1], headers=headers)


@cache
def _read(name: str) -> tuple[bytes, str]:
    content = FILES[name][0].read_bytes()
    return content, f'"{sha256(content).hexdigest()[:16]}"'
