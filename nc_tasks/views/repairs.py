"""The repairs of a submission: which of them is kept, and what result.json says of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from nc_core.choice import Candidate, Choice, candidate_of, choose
from nc_core.detection import targets_of
from nc_tasks.store import Mitigation


def targets_in(body: Mapping[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The labels that repairs are of by a stored verdict, and those that they take along (`targets_of`)."""
    return targets_of(body["flagged_labels"], body.get("suspects", ()))  # one of an earlier version names no suspects


def mitigation_json(repairs: Sequence[Mitigation], flagged: Sequence[int]) -> dict[str, Any] | None:
    """The repair that is kept with all candidates; where none is, why not, and which came closest.

    flagged: labels that the repairs are of, as detected, followers among them.
    """
    if not repairs:
        return None
    choice, kept = choice_of(repairs, flagged), kept_repair(repairs)
    told: dict[str, Any] = {
        "candidates": [_candidate(row) for row in repairs if row.body is not None],
        "failed": [{"method": row.method, "reason": row.reason} for row in repairs if row.state == "failed"],
        "reason": choice.reason if choice else None,
        "closest": choice.closest if choice else None,
    }
    return {"method": None, **told} if kept is None else {**_candidate(kept), **told}


def _candidate(row: Mitigation) -> dict[str, Any]:
    body = row.body or {}
    return {**body, "goodnet_sha256": row.goodnet_sha256, "comparison": row.comparison, "kept": row.kept}


def choice_of(repairs: Sequence[Mitigation], flagged: Sequence[int]) -> Choice | None:
    """The rule's choice among the repairs that have ended with a net; None where none has. flagged: as above."""
    # What an earlier version has stored was kept without a bound.
    candidates = [_measured(row, flagged) for row in repairs if row.body is not None and "bound" in row.body]
    return choose(candidates) if candidates else None


def _measured(row: Mitigation, flagged: Sequence[int]) -> Candidate:
    """A repair as the rule sees it.

    Of the triggers of others a suspect's counts only where the comparison says that it is small.
    """
    met = [entry["attack_success_rate"] for entry in (row.comparison or {}).get("triggers", [])]
    body = {"method": row.method, **(row.body or {})}
    return candidate_of(body, flagged, met=met, repairs=row.goodnet_sha256 is not None)


def kept_repair(repairs: Sequence[Mitigation]) -> Mitigation | None:
    """The repair whose GoodNet is handed out; None where none succeeded."""
    return next((row for row in repairs if row.kept), None)
