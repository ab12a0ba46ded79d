"""The rounds and value ranges of a submission, from its row alone."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from nc_core.scanning.rounds import Plan, plan
from nc_tasks.request.options import ScanOptions
from nc_tasks.store.tables import Submission


def plan_of(submission: Submission) -> Plan:
    """The plan of a prepared submission; the same one in every process that asks."""
    options = ScanOptions(**submission.options)
    labels = options.target_labels or range(int(submission.classes or 0))
    return _plan(labels, options.profile, options.seed, len(ranges_of(submission)))


def ranges_of(submission: Submission) -> Sequence[Mapping[str, Any]]:
    """The value ranges that a prepared submission is scanned in, as preflight stored them."""
    found = submission.preflight or {}
    return found.get("ranges", (found,))  # a preparation of an earlier version names one alone


@lru_cache(maxsize=64)
def _plan(labels: tuple[int, ...] | range, profile: str, seed: int, ranges: int) -> Plan:
    # Kept, because every label's task asks: drawn anew, it would cost as much per label as there are labels.
    return plan(labels, profile=profile, seed=seed, ranges=ranges)
