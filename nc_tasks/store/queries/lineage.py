"""Which models are the same, and which came from which: by the sha256 of their files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from nc_tasks.store.tables import Detection, Mitigation, Submission

Net = Literal["goodnet", "guarded", "scanned"]
MOST = 20
"""Most relatives of each kind that are named, newest first."""


@dataclass(frozen=True, kw_only=True)
class Relative:
    """Another submission.

    net: which of the files that one of them hands out joins the two, and by which method a repair made it; None: the
    same file was submitted.
    """

    id: str
    model_name: str
    data_name: str
    state: str
    verdict: str | None
    created_at: datetime
    net: Net | None = None
    method: str | None = None


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """The relatives of one submission's model, newest first, at most `MOST` of each kind.

    same_model: others of the very same file. made_by: submissions that handed out this model, as scanned or as
    repaired. repaired: later submissions of a net that this one handed out.
    """

    same_model: list[Relative]
    made_by: list[Relative]
    repaired: list[Relative]


NETS: tuple[tuple[Net, InstrumentedAttribute[str | None]], ...] = (
    ("goodnet", Mitigation.goodnet_sha256),
    ("guarded", Mitigation.guarded_sha256),
)


def lineage(session: Session, *, submission: Submission, owner: str | None = None) -> Lineage:
    """The relatives among this owner's submissions; owner: None for all."""
    mine = [] if owner is None else [Submission.owner == owner]
    others = (Submission.id != submission.id, *mine)
    same = _relatives(session, Submission.model_sha256 == submission.model_sha256, *others)
    # What was submitted as scanned.keras is handed out again as it came: that is the same model.
    differ = (Submission.model_sha256 != submission.model_sha256, *others)
    made_by = _relatives(session, Submission.scanned_sha256 == submission.model_sha256, *differ, net="scanned")
    repaired = _relatives(session, Submission.model_sha256 == submission.scanned_sha256, *differ, net="scanned")
    for net, digest in NETS:
        made = (digest == submission.model_sha256, Mitigation.submission_id == Submission.id)
        made_by += _relatives(session, *made, *others, net=net)
        child = (Mitigation.submission_id == submission.id, digest == Submission.model_sha256)
        repaired += _relatives(session, *child, *others, net=net)
    return Lineage(same_model=same, made_by=_newest(made_by), repaired=_newest(repaired))


def canonical_of(session: Session, *, digest: str) -> str | None:
    """The sha256 of the canonical model that the file with this digest was written from.

    None for a file that no scan and no repair here wrote, and for a GoodNet of an earlier version.
    """
    goodnet = select(Mitigation.canonical_sha256).where(
        Mitigation.goodnet_sha256 == digest, Mitigation.canonical_sha256.is_not(None)
    )
    scanned = select(Submission.canonical_sha256).where(Submission.scanned_sha256 == digest)
    return session.scalar(goodnet.limit(1)) or session.scalar(scanned.limit(1))


def _relatives(session: Session, *conditions: ColumnElement[bool], net: Net | None = None) -> list[Relative]:
    query = _columns(net).where(*conditions).order_by(Submission.created_at.desc(), Submission.id.desc()).limit(MOST)
    return [Relative(**row._mapping, net=net) for row in session.execute(query)]


def _columns(net: Net | None) -> Select[Any]:
    names = ("id", "model_name", "data_name", "state", "created_at")
    of_submission = (getattr(Submission, name) for name in names)
    made = [Mitigation.method] if net in dict(NETS) else []
    query = select(*of_submission, Detection.verdict, *made)
    return query.select_from(Submission).outerjoin(Detection, Detection.submission_id == Submission.id)


def _newest(relatives: Sequence[Relative]) -> list[Relative]:
    return sorted(relatives, key=lambda relative: (relative.created_at, relative.id), reverse=True)[:MOST]
