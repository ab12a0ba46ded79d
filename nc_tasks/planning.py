"""The rounds of a submission, from its row alone."""

from functools import lru_cache

from nc_core.rounds import Plan, plan
from nc_tasks.options import ScanOptions
from nc_tasks.store.tables import Submission


def plan_of(submission: Submission) -> Plan:
    """The plan of a prepared submission; the same one in every process that asks."""
    options = ScanOptions(**submission.options)
    return _plan(options.target_labels or range(int(submission.classes or 0)), options.profile, options.seed)


@lru_cache(maxsize=64)
def _plan(labels: tuple[int, ...] | range, profile: str, seed: int) -> Plan:
    # Kept, because every label's task asks: drawn anew, it would cost as much per label as there are labels.
    return plan(labels, profile=profile, seed=seed)
