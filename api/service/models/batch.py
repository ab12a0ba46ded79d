"""Many models in one call."""

from pydantic import BaseModel, Field

from api.service.models.submission import DIGEST
from nc_tasks.request.scan import RequestParameters


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

    models: list[KnownModel] = Field(min_length=1, max_length=100)
    dataset: str = Field(pattern="^[0-9a-f]{12}$", description="Id of a registered data set.")
