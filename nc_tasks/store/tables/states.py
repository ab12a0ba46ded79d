"""The states that rows go through, and which may follow which."""

from typing import Literal

SubmissionState = Literal["queued", "preparing", "inverting", "repairing", "done", "refused", "failed", "cancelled"]
LabelState = Literal["queued", "running", "done", "not_converged", "screened_out", "failed", "cancelled"]
MitigationState = Literal["queued", "running", "done", "failed"]
PreparationState = Literal["queued", "running", "done", "failed"]
JobState = Literal["queued", "running", "done", "refused", "failed"]
JobKind = Literal["classify", "evaluate", "plant"]
DeliveryState = Literal["waiting", "queued", "done", "failed"]
Verdict = Literal["backdoored", "clean", "inconclusive"]
Scope = Literal["submit", "read", "admin"]
CalibrationSource = Literal["baseline", "twins"]

SUBMISSION_ENDS: tuple[SubmissionState, ...] = ("done", "refused", "failed", "cancelled")
BEFORE_VERDICT: tuple[SubmissionState, ...] = ("queued", "preparing", "inverting")
WITHOUT_RESULT: tuple[SubmissionState, ...] = ("refused", "failed", "cancelled")
"""Ends of submissions that are tried again when they are submitted again."""
LABEL_ENDS: tuple[LabelState, ...] = ("done", "not_converged", "screened_out", "failed", "cancelled")
RESULTS: tuple[LabelState, ...] = ("done", "not_converged", "screened_out")
"""Ends that say something about the label itself."""
MITIGATION_ENDS: tuple[MitigationState, ...] = ("done", "failed")
JOB_ENDS: tuple[JobState, ...] = ("done", "refused", "failed")

SUBMISSION_SOURCES: dict[SubmissionState, tuple[SubmissionState, ...]] = {
    "queued": ("refused", "failed", "cancelled", "done"),
    "preparing": ("queued",),
    "inverting": ("preparing",),
    "repairing": ("inverting",),
    "done": ("inverting", "repairing"),
    "refused": ("queued", "preparing"),
    "failed": ("queued", "preparing", "inverting", "repairing"),
    "cancelled": ("queued", "preparing", "inverting", "repairing"),
}
"""For each state the states that it may follow."""
