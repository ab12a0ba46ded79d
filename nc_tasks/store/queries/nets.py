"""The nets that scans and repairs have written: which canonical form lies behind a file that is handed out."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from nc_tasks.store.tables import Mitigation, Submission


def canonical_of(session: Session, *, digest: str) -> str | None:
    """The sha256 of the canonical model that the file with this digest was written from.

    None for a file that no scan and no repair here wrote, and for what an earlier version wrote.
    """
    goodnet = select(Mitigation.canonical_sha256).where(
        Mitigation.goodnet_sha256 == digest, Mitigation.canonical_sha256.is_not(None)
    )
    scanned = select(Submission.canonical_sha256).where(Submission.scanned_sha256 == digest)
    return session.scalar(goodnet.limit(1)) or session.scalar(scanned.limit(1))
