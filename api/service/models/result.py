"""result.json as the OpenAPI document describes it; more keys may be added, none of these changes its meaning."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.service.models.label import LabelInfo
from api.service.models.mitigation import Mitigation
from api.service.models.preflight import FoundRange, Preflight
from nc_tasks.store.tables.states import SubmissionState, Verdict


class ScannedModel(BaseModel):
    """The model that was scanned."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(description="The name that it was submitted under.")
    sha256: str = Field(description="Of the file that was submitted. It is not what ran.")
    scanned_sha256: str | None = Field(
        description="Of scanned.keras, what the verdict is about; null of a scan of a version that did not keep it."
    )
    classes: int
    input_shape: list[int] = Field(description="Height, width, channels.")
    parameters: int


class CleanDataFile(BaseModel):
    """The clean data of the scan."""

    model_config = ConfigDict(extra="allow")

    name: str
    sha256: str | None = Field(description="Null for arrays that a script has in memory.")
    class_order: Literal["given", "text", "numeric"] = Field(
        "given",
        description="given: its labels are the model's outputs. text: the outputs follow the labels' numbers sorted as "
        "text (0, 1, 10, 2, ...), as Keras numbers folders. numeric: labels do so, outputs follow the size.",
    )


class Timing(BaseModel):
    """What the scan took."""

    model_config = ConfigDict(extra="allow")

    total_seconds: float
    inversion_seconds: float
    gradient_images: int


class Calibration(BaseModel):
    """The clean scans that a p-value rests on."""

    model_config = ConfigDict(extra="allow")

    source: Literal["baseline", "twins", "library", "none"] = Field(
        description="Of what the scans are; none: there are none, the normal law stands in."
    )
    scans: int = Field(ge=0)


class EvidenceInfo(BaseModel):
    """One statistic of the model: the larger, the more suspicious."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(description="The kind of evidence: outlier, together, any-target and others.")
    statistic: float
    p_value: float = Field(description="Chance that a clean model reaches it.")
    calibration: Calibration
    label: int | None = Field(description="Whose it is; null where it is no single label's.")
    null: list[float] = Field(description="The same statistic of each clean scan; empty where there are none.")


class ScannedRange(FoundRange):
    """One value range that the model was scanned in."""

    first_round: int = Field(description="Number of the first round of its labels.")
    verdict: Verdict
    reason: str
    flagged_labels: list[int] = Field(description="As detected, followers among them.")
    anomaly_index: float = Field(description="The paper's, of the smallest label.")
    log_z: float = Field(description="How many robust deviations its log norm lies below the others'.")
    p_value: float = Field(description="Of this range alone, to be held against its own threshold.")
    threshold: float
    class_map: dict[str, int] | None = Field(None, description="As below, of this range.")
    evidence: list[EvidenceInfo] = Field([], description="What its verdict rests on; none in earlier versions.")


class Commands(BaseModel):
    """The commands that repeat a scan, for a POSIX shell in the folder of its files."""

    model_config = ConfigDict(extra="allow")

    run: str
    submit: str


class Result(BaseModel):
    """What a scan found."""

    model_config = ConfigDict(extra="allow")

    schema_: Literal[1] = Field(alias="schema")
    submission: str | None = Field(None, description="The id that commands and the HTTP API take; of a script none.")
    state: SubmissionState = Field(description="While it is `repairing`, mitigation is null and the times run on.")
    verdict: Verdict
    reason: str
    not_covered: list[str]
    flagged_labels: list[int] = Field(description="Without followers, which only a repair can tell.")
    class_names: list[str] | None = Field(
        None, description="What the model's outputs are called, in their order; null where nobody has said so."
    )
    followers: list[int] = Field(
        description="Labels that were flagged, and whose small trigger went away with the others' in the repair that "
        "is kept; empty before a repair, and where none is kept."
    )
    suspects: list[int] = Field(
        [],
        description="Not flagged, and repaired: labels next in size where several are flagged; where none is, the one "
        "that leaves the verdict open.",
    )
    class_map: dict[str, int] | None = Field(
        None,
        description="Of an all-to-all backdoor: class -> where its images are sent; null where none was found.",
    )
    doubts: list[str] = Field(description="What speaks against the clean data or their value range.")
    ranges: list[ScannedRange] = Field(
        description="Those that were scanned, the likeliest first; preflight's is the one that the verdict rests on."
    )
    judged_at: str = Field(description="When the verdict was reached, in ISO 8601.")
    anomaly_index: float | None = Field(description="The paper's (plain norms, MAD), of the smallest label.")
    log_z: float | None = Field(description="How many robust deviations its log norm lies below the others'.")
    p_value: float = Field(description="Chance, with no backdoor, that any of the labels scans this low.")
    threshold: float = Field(description="What the p-value is held against: the error rate per model (alpha).")
    rules: list[str] = Field(description="How each kind of evidence was judged, in sentences for people.")
    reference_size: int = Field(description="Labels that median and MAD of `log_z` come from.")
    evidence: list[EvidenceInfo] = Field(description="What the verdict rests on; empty in earlier versions.")
    level: float | None = Field(
        None,
        description="What p-values, over their tests' shares, are held against before they are calibrated, so that the "
        "least of them holds the threshold. Null in verdicts of earlier versions.",
    )
    shares: dict[str, float] = Field(
        {},
        description="Kind of evidence -> its part of the threshold; empty where twins or a baseline judge all as one.",
    )
    labels: list[LabelInfo]
    preflight: Preflight
    mitigation: Mitigation | None
    model: ScannedModel
    data: CleanDataFile
    timing: Timing
    versions: dict[str, Any] | None
    options: dict[str, Any] = Field(
        description="Of the scan, those that were not asked for among them: as in a submission, of a script those of "
        "`nc_core.scan`."
    )
    commands: Commands | None = Field(
        None,
        description="What repeats the scan; null where an option is none of the command line, such as alpha, and of a "
        "scan in a script.",
    )
    seed: int
    profile: str
    slots: int | None
