"""What the evidence of a scan comes to, before it is put into a verdict."""

from dataclasses import dataclass

from nc_core.detection.class_map import AnyTarget
from nc_core.detection.evidence import Kind
from nc_core.detection.result import ModelEvidence
from nc_core.detection.stepdown import Step


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """evidence: each kind's, its p-value held against the whole rate. p_value: of the model. least: the smallest of its
    tests', before that was calibrated; None where the clean scans that come with Cleanse cannot be asked. beside: how
    many of these it was calibrated by. level: what the tests' p-values were held against for that. found: label ->
    kinds that flag it, by label. all_to_all: the trigger that sends each class to one of its own, None where that is
    not beyond chance. steps: those of the outlier test. shares: of each kind's test, none where all evidence is one.
    """

    evidence: tuple[ModelEvidence, ...]
    p_value: float
    least: float | None
    beside: int
    level: float
    found: dict[int, tuple[str, ...]]
    all_to_all: AnyTarget | None
    steps: tuple[Step, ...]
    shares: dict[Kind, float]
