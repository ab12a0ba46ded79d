"""Entries of the audit log about what a caller did."""

from typing import Any

from sqlalchemy.orm import Session

from api.service.callers import Caller
from nc_tasks.store import audit


def note(session: Session, caller: Caller, action: str, subject: str, **detail: Any) -> None:
    """Write that the caller did this, in the transaction of the deed."""
    audit.record(
        session,
        owner=caller.owner,
        key_id=caller.key_id,
        action=action,
        subject=subject,
        address=caller.address,
        detail=detail,
    )
