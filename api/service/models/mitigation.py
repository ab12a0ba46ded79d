"""The repairs of a model, as result.json has them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nc_tasks.store.tables.states import Verdict

Rates = dict[str, float]
"""Label -> share of images."""


class RescannedLabel(BaseModel):
    """A label inverted afresh on the repaired net."""

    model_config = ConfigDict(extra="allow")

    norm: float | None = Field(description="Of the trigger, in pixels: the middle one of several starts.")
    flagged: bool = Field(description="Whether it would be flagged again.")
    norms: list[float | None] = Field([], description="Of every start; null where none was found.")
    clean_quantile: float | None = Field(None, description="Norm below which a trigger is small on this net.")
    small: bool | None = Field(None, description="Whether one of the norms is small, or its early mask.")
    early_norm: float | None = Field(None, description="Of its mask after the first steps of the scan of all labels.")
    early_quantile: float | None = Field(None, description="Norm below which an early mask is small on this net.")
    scanned: float | None = Field(None, description="Norm of the trigger of the scan that was taken away.")


class PoisonedRates(BaseModel):
    """What known poisoned images say of a repair."""

    model_config = ConfigDict(extra="allow")

    attack_success_rate_before: float
    attack_success_rate_after: float
    flagged_rate: float = Field(description="Share of them that the guarded net calls backdoored.")
    clean_flagged_rate: float = Field(description="Share of clean images that it calls so.")


class AccuracyBound(BaseModel):
    """Whether a repair costs more than it may."""

    model_config = ConfigDict(extra="allow")

    measure: Literal["accuracy", "agreement"]
    confidence_cut: float | None
    images: int
    before: float
    after: float
    least: float = Field(description="What it must not fall below.")
    holds: bool


class MetTrigger(BaseModel):
    """A trigger that a repaired net was tried with."""

    model_config = ConfigDict(extra="allow")

    origin: str = Field(description="scan, or the method on whose net it was reversed.")
    label: int
    norm: float
    attack_success_rate: float | None


class RepairComparison(BaseModel):
    """How a repair does against the triggers of all."""

    model_config = ConfigDict(extra="allow")

    triggers: list[MetTrigger] = []
    reason: str | None = Field(None, description="Why it was not compared.")


class ChangedLayer(BaseModel):
    """A layer whose weights a repair has changed."""

    model_config = ConfigDict(extra="allow")

    layer: str
    weights: int
    changed: int = Field(description="How many of them differ.")
    relative: float | None = Field(description="L2 norm of the difference over that of the weights before.")


class VerdictAfter(BaseModel):
    """What a scan of the whole repaired net has found."""

    model_config = ConfigDict(extra="allow")

    verdict: Verdict
    reason: str
    p_value: float
    threshold: float
    flagged_labels: list[int]
    labels: int = Field(description="How many were scanned.")


class PruningControl(BaseModel):
    """As many units of the same layers, drawn at random: what a pruning has to beat."""

    model_config = ConfigDict(extra="allow")

    draws: int
    units: int = Field(description="Silenced in each.")
    attack_success_rate: float = Field(description="Of the trigger that works best then, mean over the draws.")
    accuracy: float


class GuardRates(BaseModel):
    """The guarded net that goes with a repair."""

    model_config = ConfigDict(extra="allow")

    kind: str = Field(description="What it calls an image by.")
    labels: list[int] = Field([], description="Whose triggers it knows.")
    false_positive_rate: float = Field(description="The one asked for.")
    threshold: float
    other_threshold: float | None = Field(
        None, description="The same for answers of all other labels; null for a guard that says nothing of those."
    )
    threshold_images: int | None = Field(None, description="Clean images that it was set by.")
    threshold_rate: float | None = Field(None, description="Chance that a clean image is called.")
    clean_flagged_rate: float
    clean_images: int
    class_flagged_rates: Rates
    notes: list[str]


class _Measured(BaseModel):
    """What is measured of one repair, on held-out images."""

    model_config = ConfigDict(extra="allow")

    rescan: dict[str, RescannedLabel] = Field({}, description="Label -> what it needs on the repaired net.")
    repaired_labels: list[int] = Field([], description="Labels whose triggers were taken away.")
    repaired_beyond: list[int] = Field([], description="The same of labels that nothing is known against.")
    followers: list[int] = Field([], description="Flagged labels whose small trigger went away with the others'.")
    verdict_after: VerdictAfter | None = Field(None, description="Null where the repaired net was not scanned again.")
    control: PruningControl | None = Field(None, description="Of a method that prunes.")
    poisoned: PoisonedRates | None = None
    recovery_accuracy_before: Rates = Field({}, description="Stamped images that get their true label all the same.")
    recovery_accuracy_after: Rates = {}
    bound: AccuracyBound | None = Field(None, description="None in earlier versions.")
    comparison: RepairComparison | None = Field(None, description="Where several repairs were compared.")
    changed: list[ChangedLayer] = []
    guard: GuardRates | None = None
    guarded_clean_flagged_rate: float | None = Field(None, description="The same as the guard's clean_flagged_rate.")
    goodnet_sha256: str | None = Field(None, description="Null where a filter guards the submitted model.")
    kept: bool | None = Field(None, description="Whether its nets are handed out.")
    rounds: int | None = Field(None, description="Of patching.")
    seconds: float | None = None
    notes: list[str] = Field([], description="Sentences for people.")


class RepairInfo(_Measured):
    """One method's repair."""

    method: str
    accuracy_before: float = Field(description="Of the submitted model; agreement where the data has no labels.")
    accuracy_after: float
    reversed_attack_success_rate_before: Rates = Field(description="Label -> rate of the scan's own trigger.")
    reversed_attack_success_rate_after: Rates


class FailedRepair(BaseModel):
    """A method that has made no net."""

    method: str
    reason: str | None


class Mitigation(_Measured):
    """The repair that is kept, beside all that were tried; without one only these."""

    method: str | None = Field(description="The one kept; null where none is, and then nothing is measured here.")
    accuracy_before: float | None = Field(None, description="Of the submitted model.")
    accuracy_after: float | None = None
    reversed_attack_success_rate_before: Rates = Field({}, description="Label -> rate of the scan's own trigger.")
    reversed_attack_success_rate_after: Rates = {}
    candidates: list[RepairInfo] = Field(description="Every method that has ended with a net or a guard.")
    failed: list[FailedRepair]
    reason: str | None = Field(description="Why this one is kept, or why none is.")
    closest: str | None = Field(None, description="The method that came closest where none is kept.")
