"""A job as JSON: work outside a scan."""

from datetime import datetime

from pydantic import BaseModel, Field

from nc_tasks.store.tables.states import JobKind, JobState


class JobInfo(BaseModel):
    """A piece of work for a worker, and its result once it is done."""

    id: str = Field(pattern="^[0-9a-f]{12}$")
    kind: JobKind
    state: JobState
    progress: float = Field(ge=0, le=1)
    reason: str | None = Field(description="Why it was refused or has failed; null otherwise.")
    labels: list[int] | None = Field(
        description="One number a picture, in their order; of a guarded net the last class is `backdoored input`."
    )
    created_at: datetime
    finished_at: datetime | None
