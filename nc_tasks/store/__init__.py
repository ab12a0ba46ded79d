"""The SQL store: the truth about every submission; Celery's messages only point into it."""

from nc_tasks.store.database.store import Store, open_store
from nc_tasks.store.rows.labels import LabelCounts, LabelKey, LabelProgress
from nc_tasks.store.tables import (
    LOCAL,
    ApiKey,
    AuditEntry,
    Baseline,
    CalibrationScan,
    Dataset,
    Delivery,
    Detection,
    FlaggedLabel,
    Idempotency,
    Job,
    Label,
    Mitigation,
    Preparation,
    Secret,
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
