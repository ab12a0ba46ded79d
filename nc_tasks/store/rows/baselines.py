"""Baselines: scans of clean models that an owner has put under a name, to hold other scans against."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from nc_core.errors import OptionRefused
from nc_tasks.errors import NotFound
from nc_tasks.store.rows.statements import changed, insert_absent
from nc_tasks.store.tables import Baseline, Detection
from nc_tasks.store.tables.types import now


@dataclass(frozen=True, kw_only=True)
class Named:
    """A baseline in short. scans: of its models; with_result: those of them that have a verdict."""

    owner: str
    name: str
    scans: int
    with_result: int
    created_at: datetime


def add(session: Session, *, owner: str, name: str, submission_ids: Sequence[str]) -> int:
    """Put the submissions under the name; returns how many of them are new there."""
    moment = now(session)
    rows = [
        {"owner": owner, "name": name, "submission_id": each, "created_at": moment}
        for each in dict.fromkeys(submission_ids)
    ]
    return insert_absent(session, Baseline, rows)


def every(session: Session, *, owner: str | None) -> list[Named]:
    """The owner's baselines (None: all), by name."""
    query = (
        select(
            Baseline.owner,
            Baseline.name,
            func.count(),
            func.count(Detection.submission_id),
            func.min(Baseline.created_at),
        )
        .outerjoin(Detection, Detection.submission_id == Baseline.submission_id)
        .group_by(Baseline.owner, Baseline.name)
        .order_by(Baseline.name, Baseline.owner)
    )
    found = session.execute(query if owner is None else query.where(Baseline.owner == owner))
    return [
        Named(owner=whose, name=name, scans=scans, with_result=judged, created_at=created)
        for whose, name, scans, judged, created in found
    ]


def get(session: Session, *, owner: str, name: str) -> Named:
    """The owner's baseline of this name; raises NotFound."""
    found = next((one for one in every(session, owner=owner) if one.name == name), None)
    if found is None:
        raise NotFound(f"no baseline is called {name[:80]!r}; `cleanse baseline list` shows them")
    return found


def members(session: Session, *, owner: str, name: str) -> list[str]:
    """Ids of the submissions under the name, in the order in which they came; raises NotFound."""
    get(session, owner=owner, name=name)
    query = select(Baseline.submission_id).where(*_called(owner, name))
    return list(session.scalars(query.order_by(Baseline.created_at, Baseline.submission_id)))


def check(session: Session, *, owner: str, name: str) -> None:
    """Raise NotFound where the owner has no such baseline, OptionRefused where no scan of it has a result."""
    found = get(session, owner=owner, name=name)
    if not found.with_result:
        raise OptionRefused(
            f"baseline {name!r} has {found.scans} scans and none of them has a result: wait for one, or add others"
        )


def remove(session: Session, *, owner: str, name: str, submission_ids: Sequence[str] | None = None) -> int:
    """Take these submissions from under the name (None: all); returns how many. Their scans stay. Raises NotFound."""
    there = members(session, owner=owner, name=name)
    strange = [each for each in submission_ids or () if each not in there]
    if strange:
        raise NotFound(f"baseline {name!r} has no submission {strange[0]!r}; `cleanse baseline show {name}` shows them")
    gone = delete(Baseline).where(*_called(owner, name))
    return changed(session, gone if submission_ids is None else gone.where(Baseline.submission_id.in_(submission_ids)))


def _called(owner: str, name: str) -> tuple[ColumnElement[bool], ...]:
    return Baseline.owner == owner, Baseline.name == name
