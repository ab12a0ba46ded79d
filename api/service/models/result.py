"""result.json as the OpenAPI document describes it; more keys may be added, none of these changes its meaning."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.service.models.label import LabelInfo
from nc_tasks.store.states import SubmissionState, Verdict


class ScannedModel(BaseModel):
    """The model that was scanned."""

    model_config = ConfigDict(extra="allow")

    sha256: str = Field(description="Of the file that was submitted. It is not what ran.")
    scanned_sha256: str | None = Field(
        description="Of scanned.keras, what the verdict is about; null of a scan of a version that did not keep it."
    )
    classes: int
    input_shape: list[int] = Field(description="Height, width, channels.")
    parameters: int


class Timing(BaseModel):
    """What the scan took."""

    model_config = ConfigDict(extra="allow")

    total_seconds: float
    inversion_seconds: float
    gradient_images: int


class Result(BaseModel):
    """What a scan found."""

    model_config = ConfigDict(extra="allow")

    schema_: Literal[1] = Field(alias="schema")
    state: SubmissionState = Field(description="While it is `repairing`, mitigation is null and the times run on.")
    verdict: Verdict
    reason: str
    not_covered: list[str]
    flagged_labels: list[int]
    anomaly_index: float | None
    log_z: float | None
    p_value: float
    threshold: float
    labels: list[LabelInfo]
    preflight: dict[str, Any]
    mitigation: dict[str, Any] | None
    model: ScannedModel
    timing: Timing
    versions: dict[str, Any] | None
    seed: int
    profile: str
    slots: int | None
