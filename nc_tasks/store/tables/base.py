"""What all tables share: column types, naming of constraints, leases."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    JSON,
    CheckConstraint,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from nc_tasks.store.tables.types import UtcTime

Id = String(12)
Sha256 = String(64)
State = String(16)
Name = String(255)
Epoch = String(32)
Owner = String(64)
Json = JSON(none_as_null=True)

LOCAL = "local"
"""Owner of what the command line submits on this machine, and of everything where the service runs without keys."""


class Base(DeclarativeBase):
    """Root of the tables."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map = {datetime: UtcTime}


def one_of(column: str, values: Sequence[str]) -> CheckConstraint:
    """A check that the column holds one of the values."""
    return CheckConstraint(f"{column} IN ({', '.join(map(repr, values))})", name=column)


class Leased:
    """Work that one worker at a time does: who has it, until when, for the how-manyth time.

    attempt: number of the last claim, never lowered; writes are fenced by it. attempt_base: claims that no
    longer count against `max_attempts`: those before a restart, and those given back in good order.
    lease_until: by the database's clock. published_at: when its message was last sent, or begun to be. epoch: of the
    broker that has the message (`nc_tasks.messages.broker`), None until that is certain.
    """

    state: Mapped[str] = mapped_column(State, default="queued")
    attempt: Mapped[int] = mapped_column(default=0)
    attempt_base: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    worker_id: Mapped[str | None] = mapped_column(Name)
    reason: Mapped[str | None] = mapped_column(Text)
    published_at: Mapped[datetime | None]
    epoch: Mapped[str | None] = mapped_column(Epoch)
