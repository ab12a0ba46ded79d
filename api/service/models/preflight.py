"""What preflight found, as result.json has it."""

from pydantic import BaseModel, ConfigDict, Field


class FoundRange(BaseModel):
    """A value range that the clean data fit."""

    model_config = ConfigDict(extra="allow")

    value_range: str
    scale: list[float] = Field(description="Of each channel: the model's input is pixel x scale + offset.")
    offset: list[float]
    score: float = Field(description="How well it fits: accuracy, without labels the entropy of the answers.")
    clean_accuracy: float | None


class Preflight(BaseModel):
    """How the model and its clean data fit each other."""

    model_config = ConfigDict(extra="allow")

    value_range: str = Field(description="What the model makes of pixels; the range that the verdict rests on.")
    scale: list[float] = Field(description="Of each channel: the model's input is pixel x scale + offset.")
    offset: list[float]
    ambiguous: bool = Field(description="Whether the clean data fit several ranges that mean something else.")
    layout: str = Field(description="How the arrays lay in the file of clean data.")
    clean_accuracy: float | None = Field(description="On the clean data; null without labels.")
    labelled: bool = Field(description="False: the model's own answers stand in for labels.")
    images: int | None = Field(None, description="Clean ones.")
    scores: dict[str, float] = Field({}, description="By value range, of all that were tried.")
    warnings: list[str] = Field([], description="Sentences for people.")
    doubts: list[str] = Field([], description="What speaks against the clean data or their range.")
    ranges: list[FoundRange] = Field([], description="Those that are scanned, the likeliest first.")
    range: int | None = Field(None, description="Number of the range that the verdict rests on.")
    split: dict[str, int] = Field({}, description="Clean images for fitting, for measuring, and for repairs.")
    screening_compute: str | None = Field(None, description="Precision of the net while labels are screened.")
    slots: int | None = Field(None, description="Labels in one batch, as planned.")
