"""The Celery tasks. Importing this package registers them all; none imports TensorFlow by that."""

from nc_tasks.tasks import compare, job, label, repair, scan

__all__ = ["compare", "job", "label", "repair", "scan"]
