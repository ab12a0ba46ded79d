"""What a worker holds when it takes more memory than it may, and ends itself for it.

Silence would tell nothing of the reason, and the same again would come of trying it again: so the work ends with one
line. Labels share a batch, and a smaller batch takes less: they wait again, not charged for it, until each is alone in
its batch.
"""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from nc_tasks.store.rows import lifecycle
from nc_tasks.store.rows.leases import LEASED, UNHELD
from nc_tasks.store.rows.statements import changed
from nc_tasks.store.tables import Job, Label, Submission
from nc_tasks.store.tables.types import now


def end_held(session: Session, *, worker_id: str, reason: str) -> int:
    """Fail what this worker holds with the reason, or queue it for a smaller batch; returns how many rows."""
    ended = _fewer_slots(session, worker_id)
    for table in LEASED:
        values: dict[str, Any] = {"state": "failed", "lease_until": None, "reason": reason}
        values |= {"finished_at": now(session)} if table is Job else {}
        mine = update(table).where(table.worker_id == worker_id, table.state == "running")
        ended += changed(session, mine.values(**values))
    return ended


def _fewer_slots(session: Session, worker_id: str) -> int:
    mine = (Label.worker_id == worker_id, Label.state == "running")
    batches = select(Submission.id, Submission.slots).join(Label, Label.submission_id == Submission.id).where(*mine)
    waiting = 0
    for submission_id, slots in session.execute(batches.distinct()).all():
        if slots is not None and slots > 1:
            lifecycle.halve_slots(session, submission_id=submission_id, slots=slots)
            again = update(Label).where(Label.submission_id == submission_id, *mine)
            waiting += changed(session, again.values(**UNHELD, attempt_base=Label.attempt_base + 1))
    return waiting
