"""Comparisons and statistics as JSON."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from nc_tasks.store.tables.states import LabelState, SubmissionState, Verdict


class LabelSideInfo(BaseModel):
    """One label in one of the two submissions."""

    state: LabelState
    norm: float | None
    attack_success_rate: float | None
    anomaly_index: float | None
    log_z: float | None
    flagged: bool
    name: str | None = Field(description="What its class is called; null where nobody has said so.")


class LabelPairInfo(BaseModel):
    """One label in both; null where a side has no such label."""

    label: int
    name: str | None = Field(description="What its class is called on either side.")
    left: LabelSideInfo | None
    right: LabelSideInfo | None
    ratio: float | None = Field(description="Right norm by left norm.")
    drifted: bool


class SideInfo(BaseModel):
    """One of the two submissions."""

    id: str
    state: SubmissionState
    verdict: Verdict | None
    reason: str | None
    p_value: float | None
    anomaly_index: float | None
    flagged_labels: list[int]
    model: dict[str, Any]
    data: dict[str, Any]


class ComparisonInfo(BaseModel):
    """What is the same and what has changed from left to right."""

    left: SideInfo
    right: SideInfo
    same_model: bool
    same_data: bool
    options: dict[str, list[Any]] = Field(description="Name -> left and right value, of those that differ.")
    ratio: float | None = Field(description="The typical label's right norm by its left norm.")
    drifted: list[int] = Field(description="Labels that moved much farther than that, farthest first.")
    newly_flagged: list[int]
    no_longer_flagged: list[int]
    labels: list[LabelPairInfo]


class DayInfo(BaseModel):
    """One day, in UTC."""

    model_config = ConfigDict(from_attributes=True)

    day: date
    ends: dict[str, int] = Field(description="Verdicts, and states of those that ended without one.")


class TotalsInfo(BaseModel):
    """All submissions."""

    model_config = ConfigDict(from_attributes=True)

    submissions: int
    states: dict[SubmissionState, int]
    verdicts: dict[Verdict, int]
    labels: int


class StatisticsInfo(BaseModel):
    """Submissions over time."""

    days: list[DayInfo]
    totals: TotalsInfo
