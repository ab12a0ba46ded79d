"""The tables, their states and the types of their columns."""

from nc_tasks.store.tables.base import LOCAL, Base, Leased
from nc_tasks.store.tables.scans import (
    Baseline,
    Batch,
    CalibrationScan,
    Detection,
    FlaggedLabel,
    Label,
    Mitigation,
    Preparation,
    Submission,
)
from nc_tasks.store.tables.service import ApiKey, AuditEntry, Dataset, Delivery, Idempotency, PageSession, Secret
from nc_tasks.store.tables.workers import Job, Worker

__all__ = [
    "LOCAL",
    "ApiKey",
    "AuditEntry",
    "Base",
    "Baseline",
    "Batch",
    "CalibrationScan",
    "Dataset",
    "Delivery",
    "Detection",
    "FlaggedLabel",
    "Idempotency",
    "Job",
    "Label",
    "Leased",
    "Mitigation",
    "PageSession",
    "Preparation",
    "Secret",
    "Submission",
    "Worker",
]
