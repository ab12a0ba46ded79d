"""The guarded net of every method: the one it made itself, or BadNet and GoodNet together."""

from nc_core.guard import Guard, guard_pair, guard_wide
from nc_core.mitigation.case import Case
from nc_core.mitigation.repair import Repair


def guard_of(case: Case, repair: Repair) -> Guard:
    """The guarded net, its threshold set for `case.false_positive_rate`; raises DataRefused without clean images."""
    flagged, rate = tuple(case.triggers), case.false_positive_rate
    if repair.guard is not None:
        return repair.guard
    if repair.guarded is not None:
        return guard_wide(repair.guarded, flagged, case.prepared, rate=rate)
    return guard_pair(case.canonical, repair.goodnet, flagged, case.prepared, rate=rate)
