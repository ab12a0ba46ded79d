"""The labels of one submission as a grid shows them: how each stands now, in one query."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from nc_tasks.store.queries.findings import last_rounds, of_range
from nc_tasks.store.tables import Label
from nc_tasks.store.tables.states import LABEL_ENDS


class Cell(NamedTuple):
    """One label by its last round. norm, attack_success_rate: of a label that is done. share: of its updates, 0..1."""

    label: int
    state: str
    norm: float | None
    attack_success_rate: float | None
    share: float


COLUMNS = (Label.label, Label.state, Label.norm, Label.attack_success_rate, Label.updates, Label.updates_budget)


def cells(session: Session, *, submission_id: str) -> list[Cell]:
    """The labels, in order; of the value range that is at work, or that the verdict rests on."""
    query = select(*COLUMNS).where(*of_range(session, submission_id=submission_id))
    query = query.order_by(Label.label, Label.round)
    return [
        Cell(
            label,
            state,
            norm if state == "done" else None,
            rate if state == "done" else None,
            1.0 if state in LABEL_ENDS else min(1.0, updates / budget),
        )
        for label, state, norm, rate, updates, budget in last_rounds(session.execute(query))
    ]


def changed(before: Mapping[int, Cell], after: Iterable[Cell]) -> list[Cell]:
    """What is new in the later grid; before: by label, empty at first."""
    return [cell for cell in after if before.get(cell.label) != cell]
