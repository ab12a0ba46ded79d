"""Fills the templates of the pages, and says what a browser may do with them."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse

from nc_core.results import report
from nc_core.results.report.environment import environment

STATIC = Path(__file__).parent / "static"
REPORT_STYLE = Path(report.__file__).parent / "templates" / "report.css"

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
    known = {
        "here": request.url.path,
        "caller": caller,
        "signed_in": caller is not None and caller.key_id is not None,
        "may_submit": caller is not None and caller.may("submit"),
        # Flower shows every owner's tasks: admins alone may look.
        "flower": caller is not None and caller.may("admin"),
        "flower_search": flower_search,
    }
    text = environment("api.pages", "nc_core.results.report").get_template(template).render(known | values)
    return HTMLResponse(text, status, headers=HEADERS)


def flower_search(submission_id: str, label: int | None = None) -> str:
    """Where Flower shows the tasks of a submission's labels, or of one of them.

    Of a search it takes name, state and worker from its address; what follows the name is searched for as well.
    """
    words = ["nc_tasks.invert_label", f"kwargs:submission={submission_id}"]
    words += [] if label is None else [f"kwargs:label={label}"]
    return f"/flower/tasks?name={quote(' '.join(words))}"
