"""The grid of a submission's labels: one cell each."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from markupsafe import Markup, escape

from nc_core.results.numbers import significant


def grid(submission_id: str, rows: Sequence[Mapping[str, Any]]) -> Markup:
    """The cells of these labels (entries of result.json's "labels") as items of a list, in their order.

    Written here and not by the template, which would take most of a page's time for a thousand of them.
    """
    place = f"/submissions/{escape(submission_id)}/labels/"
    return Markup("".join(_cell(place, row) for row in rows))  # numbers, and states that are escaped


def _cell(place: str, row: Mapping[str, Any]) -> str:
    """`class` says what it looks like, name and title what it is called by who hears it or points at it."""
    label, name = int(row["label"]), cell_name(row)
    kind = "flagged" if row["flagged"] else _safe(row["state"])[0]
    return (
        f'<li><a class="cell {kind}" href="{place}{label}" data-label="{label}" aria-label="{name}" title="{name}">'
        f"{label}</a></li>\n"
    )


def cell_name(row: Mapping[str, Any]) -> str:
    """ "Label 6: done, norm 8.21, flagged"."""
    norm = "" if row["norm"] is None else f", norm {significant(row['norm'])}"
    return f"Label {int(row['label'])}: {_safe(row['state'])[1]}{norm}{_role(row)}"


def _role(row: Mapping[str, Any]) -> str:
    return ", flagged" if row["flagged"] else ", follows" if row["follower"] else ""


@cache
def _safe(state: str) -> tuple[str, str]:
    """A state as a class and in words."""
    return str(escape(state)), str(escape(state.replace("_", " ")))
