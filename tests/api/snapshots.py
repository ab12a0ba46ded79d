"""Snapshots of submissions, as tests need them."""

from typing import Any

from api.progress.snapshot import Snapshot


def seen(**values: Any) -> Snapshot:
    first = {"state": "inverting", "phase": "inversion", "reason": None, "labels_total": 43}
    second = {"purpose": "inversion", "round": 0, "screenings": 0, "labels_ended": 12, "labels": 43}
    return Snapshot(**{**first, **second, "inversion": 0.3, "repairs": 0, "repair": 0.0, **values})
