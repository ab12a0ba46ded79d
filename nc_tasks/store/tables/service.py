"""What the service keeps: who may ask, what was registered, who is told of an end, who did what."""

from datetime import datetime
from typing import Any, get_args

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nc_tasks.store.tables.base import Base, Id, Json, Name, Owner, Sha256, State, one_of
from nc_tasks.store.tables.states import DeliveryState

Url = String(2048)
EntryId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up a primary key by itself only where it is called INTEGER."""


class ApiKey(Base):
    """A key that the service answers to; only its hash is kept. Rows stay when a key is revoked."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(Owner)
    name: Mapped[str] = mapped_column(Name)
    scopes: Mapped[list[str]] = mapped_column(Json)
    secret_sha256: Mapped[str] = mapped_column(Sha256)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class PageSession(Base):
    """Somebody is signed in to the pages. id_sha256: of the text in the cookie. key_id: what they signed in with."""

    __tablename__ = "session"
    __table_args__ = (Index(None, "expires_at"),)

    id_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"))
    expires_at: Mapped[datetime]


class Secret(Base):
    """Random bytes that all hosts of the installation share, by what they are for."""

    __tablename__ = "secret"

    name: Mapped[str] = mapped_column(State, primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)


class Dataset(Base):
    """Clean data that was registered once, to submit many models against."""

    __tablename__ = "dataset"
    __table_args__ = (UniqueConstraint("owner", "name"), Index(None, "sha256"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(Owner)
    name: Mapped[str] = mapped_column(Name)
    file_name: Mapped[str] = mapped_column(Name)
    sha256: Mapped[str] = mapped_column(Sha256)
    bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class Idempotency(Base):
    """A request that was answered under an Idempotency-Key; request_sha256: of what was asked; answer: ids."""

    __tablename__ = "idempotency"
    __table_args__ = (Index(None, "created_at"),)

    owner: Mapped[str] = mapped_column(Owner, primary_key=True)
    key: Mapped[str] = mapped_column(Name, primary_key=True)
    request_sha256: Mapped[str] = mapped_column(Sha256)
    answer: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[datetime]


class Delivery(Base):
    """A callback address of a submission, and how far its message is.

    state: waiting until the submission ends, queued until it is delivered. status: HTTP status of the last try.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("submission_id", "url"),
        Index(None, "state", "next_at"),
        one_of("state", get_args(DeliveryState)),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"))
    url: Mapped[str] = mapped_column(Url)
    state: Mapped[str] = mapped_column(State)
    attempt: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]
    status: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class AuditEntry(Base):
    """Who did what, written with the deed. subject: id or digest of what it was done to; address: of the client."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "owner", "id"), Index(None, "subject"), Index(None, "created_at"))

    id: Mapped[int] = mapped_column(EntryId, primary_key=True)
    created_at: Mapped[datetime]
    owner: Mapped[str] = mapped_column(Owner)
    key_id: Mapped[str | None] = mapped_column(Id)
    action: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(Sha256)
    address: Mapped[str | None] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
