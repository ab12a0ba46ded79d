"""The SQL store: the truth about every submission; Celery's messages only point into it."""

from nc_tasks.store.door_tables import ApiKey, AuditEntry, Dataset, Delivery, Idempotency, Secret
from nc_tasks.store.engine import Store, open_store
from nc_tasks.store.labels import LabelCounts, LabelKey, LabelProgress
from nc_tasks.store.tables import (
    LOCAL,
    Baseline,
    CalibrationScan,
    Detection,
    FlaggedLabel,
    Job,
    Label,
    Mitigation,
    Preparation,
    Submission,
    Worker,
)

__all__ = [
    "LOCAL",
    "ApiKey",
    "AuditEntry",
    "Baseline",
    "CalibrationScan",
    "Dataset",
    "Delivery",
    "Detection",
    "FlaggedLabel",
    "Idempotency",
    "Job",
    "Label",
    "LabelCounts",
    "LabelKey",
    "LabelProgress",
    "Mitigation",
    "Preparation",
    "Secret",
    "Store",
    "Submission",
    "Worker",
    "open_store",
]
