"""Keys and the audit log as JSON."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from nc_tasks.store.rows.keys import OWNER_FORM
from nc_tasks.store.tables.states import Scope


class KeyRequest(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")

    owner: str = Field(pattern=f"^{OWNER_FORM}$")
    name: str = Field(
        default="", max_length=255, pattern="^[^\\x00-\\x1f]*$", description="What it is for, for those who read lists."
    )
    scopes: list[Scope] = Field(min_length=1, max_length=3)


class KeyInfo(BaseModel):
    """A key, without its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    owner: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    revoked_at: datetime | None


class NewKeyInfo(KeyInfo):
    """A key just made."""

    key: str = Field(description="What to send as Authorization: Bearer KEY. It is shown this once.")
    webhook_secret: str = Field(
        description="With which callbacks to this owner are signed, as libraries for Standard Webhooks take it.",
        pattern="^whsec_[A-Za-z0-9+/]{43}=$",
    )


class KeyList(BaseModel):
    """Keys, revoked ones too, oldest first."""

    items: list[KeyInfo]


class AuditInfo(BaseModel):
    """Somebody did something."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    created_at: datetime
    owner: str
    key_id: str | None
    action: str
    subject: str = Field(description="Id or digest of what it was done to.")
    address: str | None
    detail: dict[str, Any]


class AuditPage(BaseModel):
    """Entries of the audit log, newest first."""

    items: list[AuditInfo]
    next_before: int | None = Field(description="Pass it as `before` for the next page; null at the end.")
