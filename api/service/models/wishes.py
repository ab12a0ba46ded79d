"""How a submission is to be treated."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from nc_tasks.request.options import ScanOptions
from nc_tasks.store.tables.states import Priority

CALLBACK = "^https?://[A-Za-z0-9.-]+(:([1-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?][!-~]*)?$"
"""An address without user and password; whether it may be called is looked at when it is."""
TagName = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9._/-]{1,63}$")]
TagText = Annotated[str, StringConstraints(max_length=255, pattern="^[^\\x00-\\x1f]*$")]


class Wishes(BaseModel):
    """How a submission is to be treated; what a form has beside its files."""

    model_config = ConfigDict(extra="forbid")

    options: ScanOptions = Field(default_factory=ScanOptions, description="Options of the scan.")
    priority: Priority = Field(default="normal", description="Whose labels go first while workers are scarce.")
    tags: dict[TagName, TagText] = Field(
        default_factory=dict,
        max_length=16,
        description="What to call it by: name -> text.",
        json_schema_extra={"additionalProperties": False},
    )
    callback_url: str | None = Field(
        default=None, max_length=2048, pattern=CALLBACK, description="Told, signed, when the submission has ended."
    )
    force: StrictBool = Field(default=False, description="Scan again what was scanned before.")
