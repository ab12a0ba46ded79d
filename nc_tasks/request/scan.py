"""A request for one scan, the same from whichever side it comes: command line, HTTP, page, or another scan."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from nc_tasks.request import choices
from nc_tasks.request.choices import Priority
from nc_tasks.request.options import ScanOptions

CALLBACK = "^https?://[A-Za-z0-9.-]+(:([1-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?][!-~]*)?$"
"""An address without user and password; whether it may be called is looked at when it is."""
TagName = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9._/-]{1,63}$")]
TagText = Annotated[str, StringConstraints(max_length=255, pattern="^[^\\x00-\\x1f]*$")]


class StoredFile(BaseModel):
    """A file that is kept in the artefacts. sha256: of its contents, in hexadecimal. name: it was handed in under."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    name: str


class RequestParameters(BaseModel):
    """What a request says beside its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    options: ScanOptions = Field(default_factory=ScanOptions, description="Options of the scan.")
    priority: Priority = Field(default=choices.PRIORITY.default, description=choices.PRIORITY.help)
    tags: dict[TagName, TagText] = Field(
        default_factory=dict,
        max_length=16,
        description="What to call it by: name -> text.",
        json_schema_extra={"additionalProperties": False},
    )
    callback_url: str | None = Field(
        default=choices.CALLBACK_URL.default,
        max_length=2048,
        pattern=CALLBACK,
        description=choices.CALLBACK_URL.help,
    )
    force: StrictBool = Field(default=choices.FORCE.default, description=choices.FORCE.help)

    def request_for(self, *, model: StoredFile, data: StoredFile, poisoned: Iterable[StoredFile] = ()) -> "ScanRequest":
        """The request for a scan of these files."""
        return ScanRequest(model=model, data=data, poisoned=tuple(poisoned), **self.parameters())

    def parameters(self) -> dict[str, Any]:
        """Name -> value of everything that is said beside the files."""
        return {name: getattr(self, name) for name in RequestParameters.model_fields}


class ScanRequest(RequestParameters):
    """One model to be scanned with clean data. poisoned: known poisoned pictures, to measure with."""

    model: StoredFile
    data: StoredFile
    poisoned: tuple[StoredFile, ...] = ()
