"""The grid of a submission's labels: one cell each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.numbers import significant


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One cell. kind: its CSS class; name: what it says to who points at it or hears it."""

    label: int
    state: str
    kind: str
    name: str


def shown_cells(rows: Sequence[Mapping[str, Any]]) -> list[Shown]:
    """The cells of these labels (entries of result.json's "labels"), in their order."""
    return [
        Shown(
            label=row["label"],
            state=row["state"],
            kind="flagged" if row["flagged"] else row["state"],
            name=cell_name(row),
        )
        for row in rows
    ]


def cell_name(row: Mapping[str, Any]) -> str:
    """ "Label 6: done, norm 8.21, flagged"."""
    facts = [str(row["state"]).replace("_", " ")]
    if row["norm"] is not None:
        facts.append(f"norm {significant(row['norm'])}")
    if row["flagged"]:
        facts.append("flagged")
    return f"Label {row['label']}: {', '.join(facts)}"
