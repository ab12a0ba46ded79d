"""How a submission is to be treated."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nc_tasks.options import ScanOptions
from nc_tasks.store.states import Priority

TagName = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern="^[A-Za-z0-9._/-]+$")]
TagText = Annotated[str, StringConstraints(max_length=255, pattern="^[^\\x00-\\x1f]*$")]


class Wishes(BaseModel):
    """How a submission is to be treated; what a form has beside its files."""

    model_config = ConfigDict(extra="forbid")

    options: ScanOptions = Field(default_factory=ScanOptions, description="Options of the scan.")
    priority: Priority = Field(default="normal", description="Whose labels go first while workers are scarce.")
    tags: dict[TagName, TagText] = Field(
        default_factory=dict, max_length=16, description="What to call it by: name -> text."
    )
    callback_url: str | None = Field(
        default=None, max_length=2048, pattern="^https?://", description="Told, signed, when the submission has ended."
    )
    force: bool = Field(default=False, description="Scan again what was scanned before.")
