"""Callbacks as JSON."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from nc_tasks.store.tables.states import DeliveryState


class Callback(BaseModel):
    """An address that is told of a submission's end."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    url: str
    state: DeliveryState = Field(description="waiting: for the submission to end; queued: to be sent, perhaps again.")
    attempt: int = Field(description="Tries so far.")
    next_at: datetime | None
    status: int | None = Field(description="What the address answered to the last try.")
    reason: str | None = Field(description="Why the last try failed.")
    finished_at: datetime | None


class CallbackList(BaseModel):
    """Callbacks, oldest first."""

    items: list[Callback]
