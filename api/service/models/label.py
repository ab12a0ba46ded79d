"""A label as JSON, as in result.json."""

from pydantic import BaseModel, ConfigDict, Field

from nc_tasks.store.tables.states import LabelState


class AnyTargetInfo(BaseModel):
    """The smallest trigger that takes images away from their answers, wherever it sends them."""

    model_config = ConfigDict(extra="allow")

    norm: float = Field(description="Of its mask, in pixels.")
    attack_success_rate: float = Field(description="Share of held-out images whose answer changes.")
    share: float = Field(description="How far the new answers tell the old ones: of their entropy, 0..1.")
    class_map: dict[str, int] = Field(description="Answer -> the new one of most of its images.")
    classes: int = Field(description="Of the net; of fewer than five the share says nothing.")
    gradient_images: int = Field(description="That all starts took.")


class LabelEvidence(BaseModel):
    """The numbers that one label's optimisation ended with; those that were not measured are null."""

    model_config = ConfigDict(extra="allow")

    attack_rate: float = Field(description="On the images that it was fitted to: mean of the last steps.")
    highest_rate: float = Field(description="The best of these means.")
    base_rate: float = Field(description="Share of those images that are the label's without a trigger.")
    gate: float = Field(description="Attack rate that was asked for.")
    images: int = Field(description="That one of these means looks at.")
    mask_share: float = Field(description="Of the pixels, the mask as it stood at the end.")
    cost: float = Field(description="Weight of the mask in the objective at the end (lambda).")
    exhausted: bool = Field(description="Whether the whole budget of updates was used.")
    blind: float = Field(description="Share of the missed images whose gradient was zero or no number.")
    broken: float = Field(description="Share of the images whose loss or gradient was no number.")
    transfer: float | None = Field(None, description="Rate of GangSweep's mean mask on other images.")
    leads: float | None = Field(
        None, description="Share of images on which a step along the gradient gets further than one against it."
    )
    tried: list[str] = Field([], description="What else was tried where the gradient led nowhere, in order.")
    transferability: float | None = Field(
        None, description="Mean rate, on other images, of triggers that were each made for four."
    )
    few_norm: float | None = Field(None, description="Median norm of these triggers, in pixels.")
    starts: list[tuple[float | None, float | None]] = Field(
        [], description="Norm and attack success rate on held-out images, of every random start."
    )
    perturbation_norm: float | None = Field(
        None,
        description="L2 norm of the smallest universal perturbation, in ranges of a value; null, too, where the "
        "largest that was tried works on fewer than 90%.",
    )
    perturbation_rate: float | None = Field(None, description="Its rate on other images.")
    partial_norm: float | None = Field(
        None,
        description="Norm, in pixels, of the smallest trigger of most images; null where it does not hold on others.",
    )
    partial_rate: float | None = Field(None, description="Its rate on held-out images.")
    margin: float | None = Field(
        None, description="By how much the label's logit can lie above the next, in logits of the usual spread."
    )
    early_norm: float | None = Field(None, description="Of its mask after the first 12 steps, in pixels.")
    any_target: AnyTargetInfo | None = Field(
        None, description="Of the net and not of the label; kept with the first label of a scan."
    )


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
    screened_norm: float | None = Field(
        None, description="Of its mask as the first round of screening left it; null where labels were not screened."
    )
    evidence: LabelEvidence | None = Field(description="The numbers that its optimisation ended with.")


class LabelList(BaseModel):
    """The labels of a submission, in order."""

    items: list[LabelInfo]
