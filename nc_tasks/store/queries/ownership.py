"""Whose files are whose: an owner knows a file that it has submitted, registered, or been given by a scan."""

from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from nc_tasks.store.tables import Dataset, Mitigation, Submission


def name_of(session: Session, *, digest: str, owner: str | None) -> str | None:
    """The name by which the owner (None: anybody) knows the file; None where it does not know it."""
    submitted: Select[Any] = select(Submission.model_name).where(Submission.model_sha256 == digest)
    data: Select[Any] = select(Submission.data_name).where(Submission.data_sha256 == digest)
    registered: Select[Any] = select(Dataset.file_name).where(Dataset.sha256 == digest)
    for query, owned in ((submitted, Submission.owner), (data, Submission.owner), (registered, Dataset.owner)):
        found = session.scalar(query.where(*_by(owned, owner)).limit(1))
        if found is not None:
            return str(found)
    scanned = select(Submission.id).where(Submission.scanned_sha256 == digest, *_by(Submission.owner, owner))
    if session.scalar(scanned.limit(1)) is not None:
        return "scanned.keras"
    return _repaired(session, digest, owner)


def _repaired(session: Session, digest: str, owner: str | None) -> str | None:
    made = select(Mitigation.goodnet_sha256).join(Submission, Submission.id == Mitigation.submission_id)
    made = made.where(or_(Mitigation.goodnet_sha256 == digest, Mitigation.guarded_sha256 == digest))
    goodnet = session.execute(made.where(*_by(Submission.owner, owner)).limit(1)).first()
    if goodnet is None:
        return None
    return "goodnet.keras" if goodnet[0] == digest else "guarded.keras"


def _by(column: InstrumentedAttribute[str], owner: str | None) -> tuple[ColumnElement[bool], ...]:
    return () if owner is None else (column == owner,)
