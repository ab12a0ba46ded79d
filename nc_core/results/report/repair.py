"""What the repair changed: the rows of the before/after table, and the same as a small chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from nc_core.results.names import named
from nc_core.results.numbers import percent
from nc_core.results.report.svg import drawing, element

ROW_HEIGHT = 46.0


@dataclass(frozen=True, kw_only=True)
class Change:
    """One rate before and after the repair, both in 0..1; `harm`: whether a lower rate is the better one."""

    name: str
    before: float
    after: float
    harm: bool

    @property
    def points(self) -> str:
        """The difference in percentage points, with its sign."""
        return f"{100 * (self.after - self.before):+.1f}".replace("-", "−")


def changes(mitigation: Mapping[str, Any], result: Mapping[str, Any]) -> list[Change]:
    """Accuracy or agreement, the rate of every flagged label's reversed trigger, the known poison's."""
    name = "Clean accuracy" if result["preflight"]["labelled"] else "Agreement with the submitted model"
    rows = [Change(name=name, before=mitigation["accuracy_before"], after=mitigation["accuracy_after"], harm=False)]
    after = mitigation["reversed_attack_success_rate_after"]
    for label, before in mitigation["reversed_attack_success_rate_before"].items():
        if label in after:
            text = f"Attack success rate, reversed trigger of label {named(result, label)}"
            rows.append(Change(name=text, before=before, after=after[label], harm=True))
    poisoned = mitigation.get("poisoned")
    if poisoned:
        rows.append(
            Change(
                name="Attack success rate, the known poisoned pictures",
                before=poisoned["attack_success_rate_before"],
                after=poisoned["attack_success_rate_after"],
                harm=True,
            )
        )
    return rows


def change_chart(rows: Sequence[Change], *, width: int = 940) -> Markup:
    """One line a rate on an axis of 0..100%: a ring where it was, a dot where it is."""
    left, right, height = 12.0, width - 12.0, ROW_HEIGHT * len(rows) + 26

    def x(rate: float) -> float:
        return left + rate * (right - left)

    parts: list[Markup] = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(element("line", class_="grid", x1=x(tick), x2=x(tick), y1=6.0, y2=height - 22))
        anchor = {0.0: "start", 1.0: "end"}.get(tick, "middle")
        edge = {0.0: -6.0, 1.0: 6.0}.get(tick, 0.0)
        text = element("text", f"{100 * tick:.0f}%", class_="tick", x=x(tick) + edge, y=height - 6, text_anchor=anchor)
        parts.append(text)
    for index, row in enumerate(rows):
        parts.append(_line(row, x(row.before), x(row.after), 6 + ROW_HEIGHT * index))
    name = "; ".join(f"{row.name}: {percent(row.before)} before, {percent(row.after)} after" for row in rows)
    return drawing(width, height, name, *parts, class_="chart")


def change_charts(rows: Sequence[Change]) -> dict[str, Markup]:
    """The chart for wide and for narrow windows."""
    return {"wide": change_chart(rows), "narrow": change_chart(rows, width=340)}


def _line(row: Change, before: float, after: float, top: float) -> Markup:
    y = top + 32
    improved = (row.after <= row.before) if row.harm else (row.after >= row.before - 0.02)
    return element(
        "g",
        element("text", row.name, class_="row-name", x=12.0, y=top + 15),
        element("line", class_="track", x1=before, x2=after, y1=y, y2=y),
        element("circle", class_="before", cx=before, cy=y, r=5.0),
        element("circle", class_="after", cx=after, cy=y, r=5.5),
        element("title", f"{row.name}: {percent(row.before)} before, {percent(row.after)} after"),
        class_="better" if improved else "worse",
    )
