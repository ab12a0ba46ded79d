"""A data set as JSON."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.service.models.submission import DIGEST


class DatasetInfo(BaseModel):
    """Clean data that was registered once."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(pattern="^[0-9a-f]{12}$")
    owner: str
    name: str
    file_name: str
    sha256: str = DIGEST
    bytes: int
    created_at: datetime


class DatasetList(BaseModel):
    """Data sets, by name."""

    items: list[DatasetInfo]
