"""What is true about every submission: its preparation, labels, detection and repairs."""

from datetime import datetime
from typing import Any, get_args

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from nc_tasks.store.tables.base import LOCAL, Base, Id, Json, Leased, Name, Owner, Sha256, State, one_of
from nc_tasks.store.tables.states import (
    CalibrationSource,
    LabelState,
    MitigationState,
    PreparationState,
    SubmissionState,
    Verdict,
)


class Submission(Base):
    """One model with its clean data and options.

    owner: whose key submitted it, `LOCAL` for the command line. tags: what the submitter calls it by, name -> text.
    scanned_sha256: of scanned.keras, the canonical net as a file that we wrote; None until the model was read, and of
    submissions that were prepared before that file was kept. nudged_at: when the sweeper last sent the message of a
    step that nobody had taken.
    """

    __tablename__ = "submission"
    __table_args__ = (
        UniqueConstraint("key", "generation"),
        Index(None, "created_at", "id"),
        Index(None, "owner", "created_at", "id"),
        Index(None, "model_sha256"),
        Index(None, "data_sha256"),
        Index(None, "scanned_sha256"),
        one_of("state", get_args(SubmissionState)),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(Owner, default=LOCAL)
    key: Mapped[str] = mapped_column(Sha256)
    generation: Mapped[int]
    state: Mapped[str] = mapped_column(State, index=True, default="queued")
    model_sha256: Mapped[str] = mapped_column(Sha256)
    model_name: Mapped[str] = mapped_column(Name)
    data_sha256: Mapped[str] = mapped_column(Sha256)
    data_name: Mapped[str] = mapped_column(Name)
    poisoned: Mapped[list[dict[str, str]]] = mapped_column(Json)
    options: Mapped[dict[str, Any]] = mapped_column(Json)
    priority: Mapped[str] = mapped_column(State, default="normal")
    tags: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    canonical_sha256: Mapped[str | None] = mapped_column(Sha256)
    scanned_sha256: Mapped[str | None] = mapped_column(Sha256)
    clean_data_sha256: Mapped[str | None] = mapped_column(Sha256)
    classes: Mapped[int | None]
    input_shape: Mapped[list[int] | None] = mapped_column(Json)
    parameters: Mapped[int | None] = mapped_column(BigInteger)
    preflight: Mapped[dict[str, Any] | None] = mapped_column(Json)
    slots: Mapped[int | None]
    round: Mapped[int] = mapped_column(default=0)
    labels_total: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(Text)
    versions: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    inverting_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    nudged_at: Mapped[datetime | None]


class Preparation(Leased, Base):
    """Intake and preflight of one submission: who is at it."""

    __tablename__ = "preparation"
    __table_args__ = (one_of("state", get_args(PreparationState)),)

    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"), primary_key=True)


class Label(Leased, Base):
    """One target label in one round of one submission.

    round: `nc_core.scanning.rounds.Plan.purpose` says what it is for: screening, the inversion or a confirmation; each
    value range has numbers of its own. norm: sum of the mask (pixels). norms: of all its inversions, `norm` is the
    middle one. attack_success_rate: of the reversed trigger, 0..1. While the label runs both are the optimisation's
    latest; once it has ended they are the kept trigger's, on held-out images.
    alone: it was in a worker that fell silent, and is tried with no other label beside it.
    evidence: `nc_core.detection.Evidence.to_json()`, what the optimisation's own numbers bear out; evidence_sha256: a
    file of what of it can be drawn, `nc_tasks.files.evidence`.
    """

    __tablename__ = "label"
    __table_args__ = (
        Index(None, "state", "lease_until"),
        Index(None, "worker_id"),
        one_of("state", get_args(LabelState)),
    )

    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    label: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    alone: Mapped[bool] = mapped_column(default=False)
    updates: Mapped[int] = mapped_column(default=0)
    updates_budget: Mapped[int]
    norm: Mapped[float | None]
    norms: Mapped[list[float | None] | None] = mapped_column(Json)
    attack_success_rate: Mapped[float | None]
    seconds: Mapped[float | None]
    gradient_images: Mapped[int | None] = mapped_column(BigInteger)
    trigger_sha256: Mapped[str | None] = mapped_column(Sha256)
    evidence: Mapped[dict[str, Any] | None] = mapped_column(Json)
    evidence_sha256: Mapped[str | None] = mapped_column(Sha256)


class Detection(Base):
    """The verdict of one submission, written once; body: `nc_core.detection.Detection.to_json()`.

    What lists show of it stands in columns. smallest_label, smallest_norm (pixels): of the labels that are done.
    label_states: labels per state, each by its last round.
    """

    __tablename__ = "detection"
    __table_args__ = (Index(None, "created_at"), one_of("verdict", get_args(Verdict)))

    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    verdict: Mapped[str] = mapped_column(State, index=True)
    reason: Mapped[str] = mapped_column(Text)
    p_value: Mapped[float]
    smallest_label: Mapped[int | None]
    smallest_norm: Mapped[float | None]
    label_states: Mapped[dict[str, int] | None] = mapped_column(Json)
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime]


class Baseline(Base):
    """One scan of a clean model among those that an owner calls by this name."""

    __tablename__ = "baseline"
    __table_args__ = (Index(None, "submission_id"),)

    owner: Mapped[str] = mapped_column(Owner, primary_key=True)
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    created_at: Mapped[datetime]


class Batch(Base):
    """One submission among those that were handed in together. id: of the batch."""

    __tablename__ = "batch"
    __table_args__ = (Index(None, "submission_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    owner: Mapped[str] = mapped_column(Owner)
    created_at: Mapped[datetime]


class CalibrationScan(Base):
    """A clean scan that the verdict of a submission is calibrated by. source: what it is to it."""

    __tablename__ = "calibration_scan"
    __table_args__ = (Index(None, "scan_id"), one_of("source", get_args(CalibrationSource)))

    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    scan_id: Mapped[str] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    source: Mapped[str] = mapped_column(State)


class FlaggedLabel(Base):
    """A label that the detection of a submission flags: what a search by label looks at."""

    __tablename__ = "flagged_label"
    __table_args__ = (Index(None, "label"),)

    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    label: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class Mitigation(Leased, Base):
    """One method's repair of one submission.

    body: its metrics before and after. canonical_sha256, guarded_canonical_sha256: the canonical forms of GoodNet and
    guarded net, None for what an earlier version made, and for a guarded net too large to have one. triggers_sha256:
    what was reversed afresh on the GoodNet. comparison: how it does against the triggers of all repairs; until then
    None, or the attempts at comparing them. kept: whether its GoodNet is handed out.
    """

    __tablename__ = "mitigation"
    __table_args__ = (
        Index(None, "goodnet_sha256"),
        Index(None, "guarded_sha256"),
        one_of("state", get_args(MitigationState)),
    )

    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    method: Mapped[str] = mapped_column(String(64), primary_key=True)
    progress: Mapped[float] = mapped_column(default=0.0)
    body: Mapped[dict[str, Any] | None] = mapped_column(Json)
    goodnet_sha256: Mapped[str | None] = mapped_column(Sha256)
    canonical_sha256: Mapped[str | None] = mapped_column(Sha256)
    guarded_sha256: Mapped[str | None] = mapped_column(Sha256)
    guarded_canonical_sha256: Mapped[str | None] = mapped_column(Sha256)
    triggers_sha256: Mapped[str | None] = mapped_column(Sha256)
    comparison: Mapped[dict[str, Any] | None] = mapped_column(Json)
    kept: Mapped[bool] = mapped_column(default=False)
