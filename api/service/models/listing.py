"""What a list of submissions may be narrowed by."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from api.service.models.submission import DIGEST_PATTERN
from nc_core.class_names import MAX_LABELS
from nc_tasks.store.tables.states import SubmissionState, Verdict


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies beyond the years 1 to 9999 in UTC") from None


def _written(value: object) -> object:
    if isinstance(value, str) and "T" not in value.upper():
        raise ValueError("is no time as of RFC 3339, such as 2026-01-31T12:00:00Z")
    return value


Moment = Annotated[AwareDatetime, AfterValidator(_utc), BeforeValidator(_written)]
"""A time with its zone."""


class ListQuery(BaseModel):
    """Filters of a list; those that are left out let everything through."""

    model_config = ConfigDict(extra="forbid")

    state: SubmissionState | None = None
    verdict: Verdict | None = None
    flagged_label: int | None = Field(default=None, ge=0, lt=MAX_LABELS)
    model_sha256: str | None = Field(default=None, pattern=DIGEST_PATTERN)
    dataset: str | None = Field(default=None, pattern="^[0-9a-f]{12}$", description="Id of a registered data set.")
    text: str | None = Field(
        default=None,
        max_length=200,
        pattern="^[^\\x00]*$",
        description="Part of the model's or the data's name, or how the id begins.",
    )
    created_after: Moment | None = None
    created_before: Moment | None = None
    cursor: str | None = Field(
        default=None, pattern="^[0-9]{1,17}-[0-9a-f]{12}$", description="The `next_cursor` of the page before."
    )
    limit: int = Field(default=50, ge=1, le=200)
