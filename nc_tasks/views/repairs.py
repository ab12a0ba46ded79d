"""The repairs of a submission: which of them is kept, and what result.json says of them."""

from collections.abc import Sequence
from typing import Any

from nc_core.choice import Candidate, Choice, choose
from nc_tasks.store import Mitigation


def mitigation_json(repairs: Sequence[Mitigation], flagged: Sequence[int]) -> dict[str, Any] | None:
    """The repair that is kept with all candidates; where none is, why not, and which came closest.

    flagged: labels as detected, followers among them.
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
    """A repair as the rule sees it. By itself it has met the triggers of the scan alone.

    Of those a suspect's counts only where the comparison says that it is small: a clean label's works on any net.
    """
    body, comparison = row.body or {}, row.comparison or {}
    own = [body["reversed_attack_success_rate_after"][str(label)] for label in flagged]
    met = [entry["attack_success_rate"] for entry in comparison.get("triggers", [])]
    bound = body["bound"]
    return Candidate(
        method=row.method,
        attack=max([*own, *met]),
        accuracy=bound["after"],
        least=bound["least"],
        repairs=row.goodnet_sha256 is not None,
        # A repair of an earlier version was not scanned again.
        backdoored=(body.get("verdict_after") or {}).get("verdict") == "backdoored",
    )


def kept_repair(repairs: Sequence[Mitigation]) -> Mitigation | None:
    """The repair whose GoodNet is handed out; None where none succeeded."""
    return next((row for row in repairs if row.kept), None)
