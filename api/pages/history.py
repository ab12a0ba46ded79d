"""What ended when: the verdicts of many submissions over time."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy.orm import Session

from api.pages.charts import ENDS, history_chart
from nc_core.errors import OptionRefused
from nc_core.results.numbers import count, percent
from nc_core.results.report.view import Figure
from nc_tasks.store.queries import statistics
from nc_tasks.store.queries.statistics import Totals
from nc_tasks.store.tables.types import now

SPANS = (30, 90, 365)
"""Days that may be looked back."""


def span_of(text: str | None) -> int:
    """The number of days that an address asks for; raises OptionRefused."""
    if text and text not in map(str, SPANS):
        raise OptionRefused(f"days is {text[:80]!r}: it must be one of {', '.join(map(str, SPANS))}")
    return int(text) if text else SPANS[0]


def shown(session: Session, *, span: int, owner: str | None) -> dict[str, Any]:
    """What the page's template wants."""
    today = now(session).date()
    since = datetime.combine(today - timedelta(days=span - 1), time(), UTC)
    days = statistics.by_day(session, owner=owner, since=since)
    charts = {"wide": history_chart(days), "narrow": history_chart(days, width=340, height=200)} if days else None
    return {
        "span": span,
        "spans": SPANS,
        "ends": ENDS,
        "days": days[::-1],
        "charts": charts,
        "figures": _figures(statistics.totals(session, owner=owner)),
    }


def _figures(totals: Totals) -> list[Figure]:
    judged = sum(totals.verdicts.values())
    bad = totals.verdicts.get("backdoored", 0)
    at_work = sum(totals.states.get(state, 0) for state in ("queued", "preparing", "inverting", "repairing"))
    share = percent(bad / judged) if judged else "none"
    return [
        Figure(name="Submissions", text=f"{totals.submissions:,}", note=f"{at_work:,} wait or are at work"),
        Figure(name="Verdicts", text=f"{judged:,}", note=f"over {count(totals.labels, 'label')}"),
        Figure(name="Backdoored", text=f"{bad:,}", note=f"{share} of the verdicts"),
        Figure(name="Without a verdict", text=f"{_without(totals):,}", note="refused, failed or cancelled"),
    ]


def _without(totals: Totals) -> int:
    return sum(totals.states.get(state, 0) for state in ("refused", "failed", "cancelled"))
