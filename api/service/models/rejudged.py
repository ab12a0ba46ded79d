"""Verdicts made anew, as JSON."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.service.models.submission import FileReference
from nc_tasks.request.choices import BASELINE_NAME
from nc_tasks.request.scan import TagName, TagText
from nc_tasks.store.tables.states import Verdict
from nc_tasks.views.labels import told
from nc_tasks.views.rejudging import MOST, Rejudged

SubmissionId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{12}$")]


class RejudgeRequest(BaseModel):
    """Which submissions are to be judged anew, and against what; nothing recorded is changed."""

    model_config = ConfigDict(extra="forbid")

    submissions: list[SubmissionId] | None = Field(
        default=None, min_length=1, max_length=MOST, description="Their ids; null: all that have a verdict."
    )
    tags: dict[TagName, TagText] = Field(
        default_factory=dict,
        max_length=16,
        description="Without ids: only those with all of these.",
        json_schema_extra={"additionalProperties": False},
    )
    baseline: str | None = Field(
        default=None,
        pattern=BASELINE_NAME,
        description="Name of the clean scans; null: those that each was held against.",
    )
    fleet: bool = Field(default=False, description="Hold each against the others that do not stand out themselves.")
    alpha: float | None = Field(default=None, gt=0.0, lt=0.5, description="Per model; null: each one's own.")


class CalibrationInfo(BaseModel):
    """The clean scans that a verdict rests on."""

    source: Literal["baseline", "twins", "library", "none"]
    scans: int = Field(ge=0)


class RejudgedInfo(BaseModel):
    """One submission: the verdict that was recorded, and the one that is made now."""

    id: SubmissionId
    model: FileReference
    recorded: Verdict
    verdict: Verdict
    reason: str
    flagged_labels: list[int]
    p_value: float
    threshold: float
    calibration: CalibrationInfo
    evidence: list[dict[str, Any]]

    @classmethod
    def of(cls, found: Rejudged) -> Self:
        """From what was judged."""
        row, body = found.submission, found.body
        names = ("verdict", "flagged_labels", "p_value", "threshold", "evidence")
        return cls.model_validate(
            {
                "id": row.id,
                "model": {"sha256": row.model_sha256, "name": row.model_name},
                "recorded": found.recorded,
                "calibration": found.calibration,
                "reason": told(row, body["reason"]),
                **{name: body[name] for name in names},
            }
        )


class RejudgedList(BaseModel):
    """Submissions that were judged anew, in the order they were asked for, else oldest first."""

    items: list[RejudgedInfo]
