"""What a detection says, in plain types."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from nc_core.detection.calibration import Source

Verdict = Literal["backdoored", "clean", "inconclusive"]

NOT_COVERED: tuple[str, ...] = (
    "all-to-all attacks (y -> y + 1) on nets of fewer than 5 classes or far more than 43, or that move few of them",
    "source-specific (partial) attacks: the trigger works on images of chosen classes only",
    "large triggers, from about 20% of the pixels: reversed, they are as large as a clean label's",
    "many infected labels, from about 19-37%: they become the typical label (the price sees small universal ones)",
    "triggers that depend on the image: input-aware and dynamic ones, warping, reflections, filters, style",
    "triggers of several parts that work only together, and triggers spread thinly over the whole image",
    "attacks made to withstand trigger inversion, backdoors in preprocessing code outside the model",
)
"""Which attacks a clean verdict of Neural Cleanse does not rule out (Wang et al. 2019, VI and VIII, and
later work)."""


@dataclass(frozen=True, kw_only=True)
class LabelIndex:
    """One label's indices, None where it has no norm; rules: kinds of evidence that flagged it.

    outcome: whether it was seen; a label without one does not count as scanned.
    """

    label: int
    anomaly_index: float | None
    log_z: float | None
    flagged: bool
    rules: tuple[str, ...]
    outcome: bool


@dataclass(frozen=True, kw_only=True)
class CalibrationUsed:
    """What a p-value is calibrated by: source, and how many clean scans; "none": a law that none was asked about."""

    source: Source
    scans: int


@dataclass(frozen=True, kw_only=True)
class ModelEvidence:
    """One kind of evidence of a model (`nc_core.detection.evidence`).

    statistic: the larger, the more suspicious; label: the one that it is of, None where it is of the net. null: the
    same of the clean scans.
    """

    name: str
    label: int | None
    statistic: float
    p_value: float
    calibration: CalibrationUsed
    null: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RangeDetection:
    """What the scan of one value range has found, in short; see `ranges.ScannedRange` and `Detection`.

    p_value, threshold: of this range's scan alone.
    """

    value_range: str
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    score: float
    clean_accuracy: float | None
    first_round: int
    verdict: Verdict
    reason: str
    flagged_labels: tuple[int, ...]
    p_value: float
    threshold: float
    anomaly_index: float
    log_z: float
    labels: tuple[LabelIndex, ...]
    evidence: tuple[ModelEvidence, ...] = ()
    class_map: Mapping[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Detection:
    """The verdict and what it rests on; every number is finite.

    reason: one sentence. suspects: labels that are repaired along with the flagged ones, see
    `suspects_of`, and without a flagged one those that leave the verdict open, see `precaution_of`.
    anomaly_index: the paper's (plain norms, MAD) of the smallest label. log_z: the smallest label's on log norms.
    p_value: chance, with no backdoor, that any of the labels scans this low: the least of the evidence, each held
    against the whole rate, or all of it as one test beside clean scans. threshold: alpha, per model.
    reference_size: labels behind median and MAD of log_z. rules: how each rule voted, as sentences. evidence: each
    kind's; shares: its test's part of the threshold, where each is one of its own. level: what their p-values are held
    against before they are calibrated, so that the least of them holds the threshold. doubts: what speaks against the
    clean images or their value range. class_map: of an all-to-all backdoor, class -> the one that its images are sent
    to; None where none was found. ranges: those that were scanned, of which number `range` is the one that
    everything else here is of.
    """

    verdict: Verdict
    reason: str
    flagged_labels: tuple[int, ...]
    suspects: tuple[int, ...]
    anomaly_index: float
    log_z: float
    p_value: float
    threshold: float
    labels: tuple[LabelIndex, ...]
    rules: tuple[str, ...]
    reference_size: int
    evidence: tuple[ModelEvidence, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    level: float | None = None
    not_covered: tuple[str, ...] = NOT_COVERED
    doubts: tuple[str, ...] = ()
    class_map: Mapping[int, int] | None = None
    range: int = 0
    ranges: tuple[RangeDetection, ...] = ()

    @property
    def to_repair(self) -> tuple[int, ...]:
        """The labels whose triggers a repair is to take away, in order."""
        return tuple(sorted({*self.flagged_labels, *self.suspects}))

    @property
    def range_threshold(self) -> float:
        """alpha of the one range that the verdict rests on."""
        return self.ranges[self.range].threshold if self.ranges else self.threshold

    def to_json(self) -> dict[str, Any]:
        """The same as plain dicts, lists, strings and numbers."""
        return _plain(asdict(self))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
