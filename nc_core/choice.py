"""Which of several repairs is kept: a rule over their measures that never sees a poisoned image.

The repair with the least attack is kept, among those that do not cost more accuracy than a bound allows. Its attack is
that of the reversed trigger that works best on it: of those of the scan for flagged labels, and, as far as they are
smaller than what its own clean labels need, of those for suspects and of those that were reversed afresh on each
candidate's net, its own included. A larger one works on any net and tells nothing of a backdoor: on a planted net of 16
signs, patches of 164 to 175 pixels, reversed on the one repair that had killed the trigger, worked on all others, dead
or alive.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_ACCURACY_LOSS = 0.05
"""Share of clean images that a repair may cost, unless asked otherwise. The paper's own repairs cost up to 3.6 points
(Wang et al. 2019, section VI-C), those that others report of face nets 2 to 5."""

DEAD = 0.01
"""Attack success rate at and below which triggers count as dead, and as equal: there accuracy decides."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One repair, shares in 0..1. attack: see above. accuracy: or agreement, held against `least`, the bound. repairs:
    False for a guard alone, which leaves the net as it was.
    """

    method: str
    attack: float
    accuracy: float
    least: float
    repairs: bool = True

    @property
    def holds(self) -> bool:
        """Whether it keeps the bound."""
        return self.accuracy >= self.least


@dataclass(frozen=True, kw_only=True)
class Choice:
    """kept: the method whose net is handed out, None where all cost too much; closest: then the one that costs
    least."""

    kept: str | None
    closest: str | None
    reason: str


def choose(candidates: Sequence[Candidate]) -> Choice:
    """The repair to keep; raises ValueError without a candidate. Equal ones are told apart by name.

    A guard alone is kept only where no repair may be: with it there is no GoodNet.
    """
    if not candidates:
        raise ValueError("there is no repair to choose from")
    able = [one for one in candidates if one.holds]
    if not able:
        closest = max(candidates, key=lambda one: (one.accuracy - one.least, one.method))
        return Choice(
            kept=None,
            closest=closest.method,
            reason=f"every repair costs more accuracy than it may; {closest.method} comes closest, with "
            f"{closest.accuracy:.1%} where at least {closest.least:.1%} is asked",
        )
    repaired = [one for one in able if one.repairs]
    best = min(repaired or able, key=lambda one: (max(one.attack, DEAD), -one.accuracy, one.method))
    rejected = [one.method for one in candidates if not one.holds]
    told = f"; rejected for their accuracy: {', '.join(sorted(rejected))}" if rejected else ""
    return Choice(
        kept=best.method,
        closest=None,
        reason=f"{best.method} leaves the least attack, {best.attack:.1%} by the reversed trigger that works best on "
        f"it{told}",
    )
