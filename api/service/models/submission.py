"""A submission as JSON."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from nc_tasks.request.choices import Priority
from nc_tasks.request.options import ScanOptions
from nc_tasks.store.queries.listing import Listed
from nc_tasks.store.tables.states import LabelState, SubmissionState, Verdict

DIGEST_PATTERN = "^[0-9a-f]{64}$"
DIGEST = Field(description="SHA-256 of the file's contents, in hexadecimal.", pattern=DIGEST_PATTERN)


class FileReference(BaseModel):
    """A file that was submitted."""

    sha256: str = DIGEST
    name: str = Field(description="The name that it was submitted under.", max_length=255)


class LabelNumbers(BaseModel):
    """How many labels are scanned, and how they stand; each counts by its last round."""

    total: int | None = Field(description="Null until the model was read.", ge=0)
    states: dict[LabelState, int]


class StoredOptions(ScanOptions):
    """The options of a submission as they are kept."""

    labels: str | None = Field(default=None, description="Target labels to look at, such as 0-79,90; null: all.")


class SubmissionInfo(BaseModel):
    """One model with its clean data: where it stands, and what was found."""

    id: str = Field(pattern="^[0-9a-f]{12}$")
    owner: str
    state: SubmissionState
    verdict: Verdict | None
    reason: str | None = Field(description="Why it was refused or has failed; null otherwise.")
    model: FileReference
    scanned_sha256: str | None = Field(
        description="Of scanned.keras, the net as it is scanned; null until the model was read."
    )
    data: FileReference
    poisoned: list[FileReference]
    options: StoredOptions
    priority: Priority
    tags: dict[str, str]
    labels: LabelNumbers
    flagged_labels: list[int] = Field(description="Without followers, which only a repair can tell.")
    smallest_label: int | None
    smallest_norm: float | None = Field(description="Sum of its mask, in pixels.")
    p_value: float | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, listed: Listed) -> Self:
        """From what the store lists of it."""
        row = listed.submission
        return cls.model_validate(
            {
                **{name: getattr(row, name) for name in _COLUMNS},
                **{name: getattr(listed, name) for name in _FOUND},
                "model": {"sha256": row.model_sha256, "name": row.model_name},
                "data": {"sha256": row.data_sha256, "name": row.data_name},
                "labels": {"total": row.labels_total, "states": listed.label_states},
            }
        )


_COLUMNS = (
    *("id", "owner", "state", "reason", "scanned_sha256", "poisoned", "options", "priority", "tags"),
    *("created_at", "started_at", "finished_at"),
)
_FOUND = ("verdict", "flagged_labels", "smallest_label", "smallest_norm", "p_value")


class SubmissionList(BaseModel):
    """Submissions, in the order they were asked for."""

    items: list[SubmissionInfo]


class SubmissionPage(BaseModel):
    """Submissions, newest first."""

    items: list[SubmissionInfo]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null at the end.")
