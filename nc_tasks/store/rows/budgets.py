"""Budgets: a submission may say after how many minutes no label of it is looked at any more.

The time counts from the begin of its preparation, by the database's clock, so that waiting behind others costs nothing.
Labels that have not ended by then are cancelled like those of a cancelled submission: their workers learn it with the
next heartbeat. What has ended is judged.
"""

from sqlalchemy import ColumnElement, and_, exists, select, update
from sqlalchemy.orm import Session

from nc_core.scanning.budget import used_up
from nc_tasks.store.rows.statements import changed
from nc_tasks.store.tables import Label, Submission
from nc_tasks.store.tables.states import LABEL_ENDS
from nc_tasks.store.tables.types import ClockIn


def spent(session: Session) -> list[Submission]:
    """Submissions whose budget is used up and whose present round has labels that have not ended."""
    is_open = Label.state.not_in(LABEL_ENDS)
    of_round = exists().where(Label.submission_id == Submission.id, Label.round == Submission.round, is_open)
    return list(session.scalars(select(Submission).where(Submission.state == "inverting", _over(), of_round)))


def is_spent(session: Session, *, submission_id: str) -> bool:
    """Whether the submission has a budget and it is used up."""
    return session.scalar(select(Submission.id).where(Submission.id == submission_id, _over())) is not None


def end_labels(session: Session, *, submission_id: str, round: int, minutes: float) -> int:
    """Cancel what is open of the round; returns how many labels that is. minutes: the budget."""
    rows = update(Label).where(Label.submission_id == submission_id, Label.round == round)
    ended = rows.where(Label.state.not_in(LABEL_ENDS)).values(
        # Norm and rate are the optimisation's latest: of a label without result they say nothing.
        state="cancelled",
        lease_until=None,
        norm=None,
        attack_success_rate=None,
        reason=used_up(minutes),
    )
    return changed(session, ended)


def _over() -> ColumnElement[bool]:
    minutes = Submission.options["budget_minutes"].as_float()
    # Said apart: SQLite reckons with 0 where PostgreSQL reckons with NULL.
    return and_(minutes.is_not(None), Submission.started_at <= ClockIn(-60.0 * minutes))
