"""Messages to callback addresses: one for each end of a submission, tried again for a while, and their signature."""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import timedelta
from secrets import token_bytes, token_hex

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from nc_tasks.store.rows.statements import changed, insert_absent
from nc_tasks.store.tables import Delivery, Secret, Submission
from nc_tasks.store.tables.states import SUBMISSION_ENDS
from nc_tasks.store.tables.types import now

PAUSES = (10.0, 60.0, 300.0, 1800.0, 7200.0, 21600.0)
"""Seconds between one try and the next; nobody is told after the last."""
CLAIM_SECONDS = 120.0
"""How long a sweeper that has taken a message may be at it, before another takes it."""
WEBHOOK = "webhook"


def ask_for(session: Session, *, submission_id: str, url: str) -> None:
    """Have this address told of the submission's next end; or now, where it has ended."""
    row = {
        "id": token_hex(6),
        "submission_id": submission_id,
        "url": url,
        "state": "waiting",
        "attempt": 0,
        "created_at": now(session),
    }
    if not insert_absent(session, Delivery, [row]):
        _arm(session, Delivery.submission_id == submission_id, Delivery.url == url)


def arm_again(session: Session, *, submission_id: str) -> None:
    """The submission is tried again: its addresses are told of the next end too."""
    _arm(session, Delivery.submission_id == submission_id)


def release_ended(session: Session) -> int:
    """Queue the messages of submissions that have ended; returns how many."""
    ended = select(Submission.id).where(Submission.state.in_(SUBMISSION_ENDS))
    waiting = update(Delivery).where(Delivery.state == "waiting", Delivery.submission_id.in_(ended))
    return changed(session, waiting.values(state="queued", next_at=now(session)))


def any_due(session: Session) -> bool:
    """Whether some message waits to be queued, or to be sent now; changes nothing."""
    ended = select(Submission.id).where(Submission.state.in_(SUBMISSION_ENDS))
    waits = and_(Delivery.state == "waiting", Delivery.submission_id.in_(ended))
    due = and_(Delivery.state == "queued", Delivery.next_at <= now(session))
    return session.scalar(select(Delivery.id).where(or_(waits, due)).limit(1)) is not None


def take(session: Session, *, besides: Sequence[str] = ()) -> Delivery | None:
    """A message that is due, to be sent by the caller alone: others leave it for a while. None without one.

    besides: how the addresses of receivers begin that are to be left in peace. What was never tried goes first: a
    receiver that always fails keeps nobody waiting.
    """
    moment = now(session)
    due = select(Delivery).where(Delivery.state == "queued", Delivery.next_at <= moment)
    for receiver in besides:
        due = due.where(~Delivery.url.startswith(receiver, autoescape=True))
    row = session.scalars(due.order_by(Delivery.attempt, Delivery.next_at).limit(1)).first()
    if row is not None:
        row.attempt += 1
        row.next_at = moment + timedelta(seconds=CLAIM_SECONDS)
    return row


def sent(session: Session, *, delivery: Delivery, status: int) -> bool:
    """Write that the address has taken the message; False where it was asked for anew meanwhile."""
    values = {"state": "done", "status": status, "reason": None, "finished_at": now(session)}
    return _write(session, delivery, values)


def failed(session: Session, *, delivery: Delivery, status: int | None, reason: str, final: bool = False) -> bool:
    """Write why it was not taken; it is tried again after a pause, unless that was the last try, or `final`."""
    values: dict[str, object] = {"status": status, "reason": reason}
    if final or delivery.attempt > len(PAUSES):
        values |= {"state": "failed", "finished_at": now(session)}
    else:
        values["next_at"] = now(session) + timedelta(seconds=PAUSES[delivery.attempt - 1])
    return _write(session, delivery, values)


def of_submission(session: Session, *, submission_id: str) -> list[Delivery]:
    """The submission's messages, oldest first."""
    query = select(Delivery).where(Delivery.submission_id == submission_id)
    return list(session.scalars(query.order_by(Delivery.created_at, Delivery.id)))


def webhook_secret(session: Session, *, owner: str) -> str:
    """What messages to this owner are signed with, as `whsec_` and base64; the same at every call, on every host.

    Each owner has its own, all from one that the installation keeps.
    """
    row = session.get(Secret, WEBHOOK)
    if row is None:
        insert_absent(session, Secret, [{"name": WEBHOOK, "value": token_bytes(32)}])
        row = session.get_one(Secret, WEBHOOK)
    return f"whsec_{b64encode(hmac.digest(row.value, owner.encode(), 'sha256')).decode()}"


def _arm(session: Session, *of: object) -> None:
    again = update(Delivery).where(*of)  # type: ignore[arg-type]
    values = {"state": "waiting", "attempt": 0, "next_at": None, "status": None, "reason": None, "finished_at": None}
    changed(session, again.values(values))


def _write(session: Session, delivery: Delivery, values: dict[str, object]) -> bool:
    mine = update(Delivery).where(
        Delivery.id == delivery.id, Delivery.state == "queued", Delivery.attempt == delivery.attempt
    )
    return changed(session, mine.values(values)) == 1
