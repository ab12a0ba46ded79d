"""Entries of the audit log about what a caller did."""

from typing import Any

from fastapi import Response
from sqlalchemy.orm import Session

from api.service.callers import Caller
from api.service.service import Service
from nc_tasks.store.rows import audit


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


def given(service: Service, caller: Caller, submission_id: str, name: str, answer: Response) -> Response:
    """The answer, once it is written that the caller was given this file of the submission."""
    with service.store.write() as session:
        note(session, caller, "download", submission_id, file=name)
    return answer
