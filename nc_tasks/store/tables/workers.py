"""Which workers are there, and the jobs outside a scan that they do."""

from datetime import datetime
from typing import Any, get_args

from sqlalchemy import (
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from nc_tasks.store.tables.base import LOCAL, Base, Id, Json, Leased, Name, Owner, State, one_of
from nc_tasks.store.tables.states import (
    JobKind,
    JobState,
)


class Worker(Base):
    """One worker process and when it was last heard of."""

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(Name, primary_key=True)
    queue: Mapped[str] = mapped_column(String(64))
    pid: Mapped[int]
    host: Mapped[str] = mapped_column(Name)
    version: Mapped[str] = mapped_column(String(64))
    slots: Mapped[int]
    started_at: Mapped[datetime]
    last_seen: Mapped[datetime] = mapped_column(index=True)


class Job(Leased, Base):
    """Work outside a scan: classify images, evaluate a net, plant a backdoor."""

    __tablename__ = "job"
    __table_args__ = (
        one_of("kind", get_args(JobKind)),
        one_of("state", get_args(JobState)),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(Owner, default=LOCAL)
    kind: Mapped[str] = mapped_column(State)
    arguments: Mapped[dict[str, Any]] = mapped_column(Json)
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    progress: Mapped[float] = mapped_column(default=0.0)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
