"""A label as JSON, as in result.json."""

from typing import Any

from pydantic import BaseModel, Field

from nc_tasks.store.tables.states import LabelState


class LabelInfo(BaseModel):
    """One target label by its last round."""

    label: int = Field(ge=0)
    name: str | None = Field(None, description="What its class is called; null where nobody has said so.")
    state: LabelState
    round: int = Field(ge=0, description="Those of a further value range begin with its `first_round`.")
    norm: float | None = Field(description="Sum of the mask, in pixels; of a label that is done.")
    norms: list[float | None] | None = Field(description="Of all its inversions: `norm` is the middle one.")
    anomaly_index: float | None
    log_z: float | None
    attack_success_rate: float | None = Field(description="Of the reversed trigger on held-out images, 0..1.")
    reference: bool = Field(description="Whether median and MAD come from it.")
    updates: int
    seconds: float
    flagged: bool = Field(description="False for a follower.")
    follower: bool = Field(
        description="Whether it was flagged, and its small trigger went away with the others' in the kept repair."
    )
    rules: list[str] = Field(description="The rules that flag it, or have flagged the follower.")
    outcome: bool = Field(description="Whether it was seen: without an outcome it is not called clean.")
    reason: str | None = Field(description="Why it failed or has no outcome; null otherwise.")
    evidence: dict[str, Any] | None = Field(description="The numbers that its optimisation ended with.")


class LabelList(BaseModel):
    """The labels of a submission, in order."""

    items: list[LabelInfo]
