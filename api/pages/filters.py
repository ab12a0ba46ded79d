"""What the address of a list asks for; a form sends every field, the empty ones too."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, get_args
from urllib.parse import urlencode

from nc_core.errors import OptionRefused
from nc_tasks.store.queries.listing import Filters
from nc_tasks.store.tables.states import SubmissionState, Verdict

STATES: tuple[str, ...] = get_args(SubmissionState)
VERDICTS: tuple[str, ...] = get_args(Verdict)
FIELDS = (
    "text",
    "state",
    "verdict",
    "flagged_label",
    "created_after",
    "created_before",
    "model_sha256",
    "data_sha256",
)


def asked(query: Mapping[str, str]) -> dict[str, str]:
    """The fields of the form as they were sent, empty where they were not."""
    return {name: query.get(name, "").strip() for name in FIELDS}


def filters_of(fields: Mapping[str, str], *, owner: str | None) -> Filters:
    """The filters of these fields; raises OptionRefused. The last day counts whole, days are those of UTC."""
    given: dict[str, Any] = {name: text for name, text in fields.items() if text}
    for name, known in (("state", STATES), ("verdict", VERDICTS)):
        if name in given and given[name] not in known:
            raise OptionRefused(f"{name} is {given[name][:80]!r}: it must be one of {', '.join(known)}")
    if "flagged_label" in given:
        given["flagged_label"] = _label(given["flagged_label"])
    if "created_after" in given:
        given["created_after"] = _day(given["created_after"])
    if "created_before" in given:
        given["created_before"] = _day(given["created_before"]) + timedelta(days=1)
    return Filters(owner=owner, **given)


def address(path: str, fields: Mapping[str, str], **more: str) -> str:
    """The address that asks for these fields."""
    query = urlencode({name: text for name, text in {**fields, **more}.items() if text})
    return f"{path}?{query}" if query else path


def _label(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise OptionRefused(f"flagged label is {text[:80]!r}: write one number, such as 6")
    return int(text)


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise OptionRefused(f"the day is {text[:80]!r}: write it as 2026-03-01") from None
