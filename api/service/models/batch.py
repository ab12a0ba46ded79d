"""Many models in one call, and what they are together."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.service.models.submission import DIGEST, SubmissionInfo, SubmissionList
from nc_tasks.request.scan import RequestParameters
from nc_tasks.store.rows.batches import MOST

BATCH_ID = "^[0-9a-f]{12}$"


class KnownModel(BaseModel):
    """A model that was uploaded before, or that a repair has made."""

    sha256: str = DIGEST
    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        pattern="^[^\\x00-\\x1f/]+$",
        description="What to call it; its suffix says what kind of file it is. Null: as it was called before.",
    )


class Batch(RequestParameters):
    """Models that are submitted against one data set, all with the same parameters."""

    models: list[KnownModel] = Field(min_length=1, max_length=MOST)
    dataset: str = Field(pattern="^[0-9a-f]{12}$", description="Id of a registered data set.")


class SubmittedBatch(SubmissionList):
    """What was submitted in one call, in the order of the call."""

    batch: str = Field(pattern=BATCH_ID, description="Id of the batch; /batches/ID is its page.")


class BatchMembers(BaseModel):
    """Submissions that are to be a batch."""

    model_config = ConfigDict(extra="forbid")

    submissions: list[Annotated[str, StringConstraints(pattern="^[0-9a-f]{12}$")]] = Field(
        min_length=1, max_length=MOST, description="Their ids."
    )


class BatchInfo(BaseModel):
    """Submissions that were handed in together: how far they are, and what was found."""

    id: str = Field(pattern=BATCH_ID)
    owner: str
    created_at: datetime
    share: float = Field(ge=0, le=1, description="Of the way to all verdicts.")
    eta_seconds: float | None = Field(description="Until the last verdict, at the pace so far; null while unknown.")
    items: list[SubmissionInfo] = Field(description="Newest first.")
