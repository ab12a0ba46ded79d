"""Fills the templates of the pages, and says what a browser may do with them."""

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.report.environment import environment

STATIC = Path(__file__).parent / "static"
REPORT_STYLE = Path(__file__).parents[1] / "report" / "templates" / "report.css"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: with it browsers send a form's Origin as null, which tells no page from another.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The template as a page. values: what it shows; text in them is escaped."""
    caller = getattr(request.state, "caller", None)
    common = {
        "flower": None,
        "here": request.url.path,
        "caller": caller,
        "signed_in": caller is not None and caller.key_id is not None,
    }
    text = environment("api.pages", "api.report").get_template(template).render(common | values)
    return HTMLResponse(text, status, headers=HEADERS)
