"""Baselines as JSON."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.service.models.submission import SubmissionInfo


class BaselineInfo(BaseModel):
    """Scans of clean models under a name, that others are held against."""

    model_config = ConfigDict(from_attributes=True)

    owner: str
    name: str
    scans: int = Field(ge=1)
    with_result: int = Field(ge=0, description="Those of them that have a verdict.")
    created_at: datetime = Field(description="When the first of them came.")


class BaselineList(BaseModel):
    """Baselines, by name."""

    items: list[BaselineInfo]


class BaselineScans(BaselineInfo):
    """A baseline with its scans, in the order in which they came."""

    items: list[SubmissionInfo]


class BaselineMembers(BaseModel):
    """Submissions that are to come under the name."""

    model_config = ConfigDict(extra="forbid")

    submissions: list[Annotated[str, StringConstraints(pattern="^[0-9a-f]{12}$")]] = Field(
        min_length=1, max_length=100, description="Their ids."
    )
