"""The Celery tasks, one module each. Importing this package registers them all; none imports TensorFlow by that."""

from nc_tasks.tasks.compare import compare
from nc_tasks.tasks.gather import gather
from nc_tasks.tasks.job import run_job
from nc_tasks.tasks.label import invert_label
from nc_tasks.tasks.repair import repair
from nc_tasks.tasks.start import start

__all__ = ["compare", "gather", "invert_label", "repair", "run_job", "start"]
