"""The grid of a submission's labels: one cell each."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from nc_core.results.names import row_named
from nc_core.results.numbers import significant


def grid(submission_id: str, rows: Sequence[Mapping[str, Any]]) -> Markup:
    """The cells of these labels (entries of result.json's "labels") as items of a list, in their order.

    Written here and not by the template, which would take most of a page's time for a thousand of them.
    """
    place = f"/submissions/{escape(submission_id)}/labels/"
    return Markup("".join(_cell(place, row) for row in rows))  # numbers, and texts that are escaped


def _cell(place: str, row: Mapping[str, Any]) -> str:
    """`class` says what it looks like, name and title what it is called by who hears it or points at it."""
    label, name, called = int(row["label"]), escape(cell_name(row)), escape(row_named(row))
    kind = "flagged" if row["flagged"] else escape(row["state"])
    return (
        f'<li><a class="cell {kind}" href="{place}{label}" data-label="{label}" data-called="{called}" '
        f'aria-label="{name}" title="{name}">{label}</a></li>\n'
    )


def cell_name(row: Mapping[str, Any]) -> str:
    """ "Label 6: done, norm 8.21, flagged"."""
    norm = "" if row["norm"] is None else f", norm {significant(row['norm'])}"
    return f"Label {row_named(row)}: {row['state'].replace('_', ' ')}{norm}{_role(row)}"


def _role(row: Mapping[str, Any]) -> str:
    return ", flagged" if row["flagged"] else ", follows" if row["follower"] else ""
