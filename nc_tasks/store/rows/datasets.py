"""Data sets: clean data that an owner has registered once."""

from secrets import token_hex

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from nc_tasks.errors import NotFound, WrongState
from nc_tasks.store.tables import Dataset
from nc_tasks.store.tables.types import now


def register(session: Session, *, owner: str, name: str, file_name: str, sha256: str, size: int) -> Dataset:
    """Register the file; the same file under the same name is the data set that is there. size: bytes.

    Raises WrongState where the name stands for another file.
    """
    there = session.scalars(select(Dataset).where(Dataset.owner == owner, Dataset.name == name)).first()
    if there is not None:
        if there.sha256 != sha256:
            raise WrongState(f"data set {name!r} is another file (sha256 {there.sha256}): choose another name")
        return there
    row = Dataset(
        id=token_hex(6),
        owner=owner,
        name=name,
        file_name=file_name,
        sha256=sha256,
        bytes=size,
        created_at=now(session),
    )
    session.add(row)
    session.flush()
    return row


def get(session: Session, *, dataset_id: str, owner: str | None) -> Dataset:
    """The owner's data set with this id (None: anybody's); raises NotFound."""
    row = session.get(Dataset, dataset_id)
    if row is None or owner not in (None, row.owner):
        raise NotFound(f"no data set has the id {dataset_id[:80]!r}; GET /v1/datasets lists them")
    return row


def every(session: Session, *, owner: str | None) -> list[Dataset]:
    """The owner's data sets (None: all), by name."""
    query = select(Dataset).order_by(Dataset.name, Dataset.id)
    return list(session.scalars(query if owner is None else query.where(Dataset.owner == owner)))


def remove(session: Session, *, dataset_id: str, owner: str | None) -> Dataset:
    """Forget the data set; submissions that were made with its file keep it. Raises NotFound."""
    row = get(session, dataset_id=dataset_id, owner=owner)
    session.execute(delete(Dataset).where(Dataset.id == dataset_id))
    return row
