"""What a second try of a submission keeps of the first."""

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from nc_tasks.store.rows.leases import UNHELD
from nc_tasks.store.rows.statements import changed
from nc_tasks.store.tables import Detection, FlaggedLabel, Label, Leased, Mitigation, Preparation
from nc_tasks.store.tables.states import RESULTS
from nc_tasks.store.tables.types import now

AGAIN = {**UNHELD, "reason": None}
UNTRIED = {"alone": False, "updates": 0, "norm": None, "attack_success_rate": None}


def restart_work(session: Session, *, submission_id: str) -> None:
    """Queue the labels without a result again, and everything that was derived from the labels.

    `attempt` goes on counting, so that a worker of the first try cannot write into the second.
    """
    preparation = update(Preparation).where(Preparation.submission_id == submission_id)
    # As of a new submission: who asks for it sends the message.
    changed(session, preparation.values({**AGAIN, **_fresh(Preparation), "published_at": now(session)}))
    kept = Label.state.in_(RESULTS)
    # A confirmation is asked for anew by the detection that finds its label again.
    session.execute(delete(Label).where(Label.submission_id == submission_id, Label.round > 0, ~kept))
    again = update(Label).where(Label.submission_id == submission_id, ~kept)
    changed(session, again.values(**AGAIN, **_fresh(Label), **UNTRIED))
    for table in (FlaggedLabel, Detection):
        session.execute(delete(table).where(table.submission_id == submission_id))
    repairs = update(Mitigation).where(Mitigation.submission_id == submission_id)
    anew = {"progress": 0.0, "body": None, "comparison": None, "kept": False}
    changed(session, repairs.values(**AGAIN, **_fresh(Mitigation), **anew))


def restart_labels(session: Session, *, submission_id: str) -> None:
    """Queue all labels again, those with a result too: it was of another net."""
    session.execute(delete(Label).where(Label.submission_id == submission_id, Label.round > 0))
    again = update(Label).where(Label.submission_id == submission_id)
    found = {"norms": None, "trigger_sha256": None, "evidence_sha256": None, "seconds": None, "gradient_images": None}
    changed(session, again.values(**AGAIN, **_fresh(Label), **UNTRIED, **found))


def _fresh(table: type[Leased]) -> dict[str, object]:
    return {"attempt_base": table.attempt}
