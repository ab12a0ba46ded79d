"""The SQL store: the truth about every submission; Celery's messages only point into it."""

from nc_tasks.store.engine import Store, open_store
from nc_tasks.store.labels import LabelCounts, LabelKey, LabelProgress
from nc_tasks.store.tables import Detection, FlaggedLabel, Job, Label, Mitigation, Preparation, Submission, Worker

__all__ = [
    "Detection",
    "FlaggedLabel",
    "Job",
    "Label",
    "LabelCounts",
    "LabelKey",
    "LabelProgress",
    "Mitigation",
    "Preparation",
    "Store",
    "Submission",
    "Worker",
    "open_store",
]
