"""Which of several repairs is kept: a rule over their measures that never sees a poisoned image.

The repair with the least attack is kept, among those that do not cost more accuracy than a bound allows; a net that its
own scan still calls backdoored comes after all that are not. The attack of a repair is
that of the reversed trigger that works best on it: of those of the scan for flagged labels, and, as far as they are
smaller than what its own clean labels need, of those for suspects and of those that were reversed afresh on each
candidate's net, its own included. A larger one works on any net and tells nothing of a backdoor: on a planted net of 16
signs, patches of 164 to 175 pixels, reversed on the one repair that had killed the trigger, worked on all others, dead
or alive.

A repair may kill the triggers that it was taught and leave another one that works. What tells of that is how much
larger the smallest trigger has become that is reversed afresh: over repairs of planted nets it ranks them by the true
attack better than the rates of known triggers do (`tests.benchmarks.signs`). So of repairs on which triggers are dead,
one with a far smaller fresh trigger than another's comes after it, before accuracy decides.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_ACCURACY_LOSS = 0.05
"""Share of clean images that a repair may cost, unless asked otherwise. The paper's own repairs cost up to 3.6 points
(Wang et al. 2019, section VI-C), those that others report of face nets 2 to 5."""

DEAD = 0.01
"""Attack success rate at and below which triggers count as dead, and as equal."""

ALIKE = 2.0
"""Fresh triggers that have grown by up to so many times less than those of another repair count as grown alike."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One repair, shares in 0..1. attack: see above. accuracy: or agreement, held against `least`, the bound. repairs:
    False for a guard alone, which leaves the net as it was. backdoored: whether the scan of the whole repaired net says
    so. grown: how many times larger the smallest fresh trigger of a flagged label is than that of the scan, infinite
    where there is none, None where that is not known.
    """

    method: str
    attack: float
    accuracy: float
    least: float
    repairs: bool = True
    backdoored: bool = False
    grown: float | None = None

    @property
    def holds(self) -> bool:
        """Whether it keeps the bound."""
        return self.accuracy >= self.least


def candidate_of(
    measured: Mapping[str, Any], flagged: Iterable[int], *, met: Iterable[float] = (), repairs: bool = True
) -> Candidate:
    """A repair as the rule sees it. By itself it has met the triggers of the scan alone.

    measured: `nc_core.mitigation.Repair.to_json`. flagged: labels as detected, followers among them; a suspect's
    trigger does not count by itself, since a clean label's works on any net. met: rates of triggers that others left.
    """
    after, bound = measured["reversed_attack_success_rate_after"], measured["bound"]
    return Candidate(
        method=measured["method"],
        attack=max([*(after[str(label)] for label in flagged), *met], default=0.0),
        accuracy=bound["after"],
        least=bound["least"],
        repairs=repairs,
        # A repair of an earlier version was not scanned again.
        backdoored=(measured.get("verdict_after") or {}).get("verdict") == "backdoored",
        grown=_grown(measured.get("rescan", {}), flagged),
    )


def _grown(rescan: Mapping[str, Any], flagged: Iterable[int]) -> float | None:
    looked = [found for label in flagged if (found := rescan.get(str(label))) and found.get("scanned")]
    times = (
        min((norm for norm in one["norms"] if norm is not None), default=math.inf) / one["scanned"] for one in looked
    )
    return min(times, default=None)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """kept: the method whose net is handed out, None where all cost too much. closest: the repair that came closest to
    its bound, where none of the repairs keeps it; a guard alone may be kept all the same."""

    kept: str | None
    closest: str | None
    reason: str


def choose(candidates: Sequence[Candidate]) -> Choice:
    """The repair to keep; raises ValueError without a candidate. Equal ones are told apart by name.

    A guard alone is kept only where no repair may be: with it there is no GoodNet.
    """
    if not candidates:
        raise ValueError("there is no repair to choose from")
    repairs, holding = [one for one in candidates if one.repairs], [one for one in candidates if one.holds]
    able = [one for one in repairs if one.holds]
    closest = _nearest(repairs) if repairs and not able else None
    kept = _best(able or holding)
    return Choice(
        kept=kept.method if kept else None,
        closest=closest.method if closest else None,
        reason="; ".join(_told(candidates, kept, closest)),
    )


def _best(able: Sequence[Candidate]) -> Candidate | None:
    return min(
        able,
        key=lambda one: (one.backdoored, max(one.attack, DEAD), _is_behind(one, able), -one.accuracy, one.method),
        default=None,
    )


def _is_behind(one: Candidate, able: Sequence[Candidate]) -> bool:
    """Whether the fresh triggers of another repair on which triggers are dead, too, have grown far more."""
    dead = [other.grown for other in able if other.attack <= DEAD and other.grown is not None]
    most = max((grown for grown in dead if math.isfinite(grown)), default=0.0)
    return one.grown is not None and one.grown * ALIKE < most


def _nearest(dear: Sequence[Candidate]) -> Candidate:
    return max(dear, key=lambda one: (one.accuracy - one.least, one.method))


def _told(candidates: Sequence[Candidate], kept: Candidate | None, closest: Candidate | None) -> Iterator[str]:
    if closest:
        yield f"every repair costs more accuracy than it may; {closest.method} comes closest, with {_bound(closest)}"
    elif not kept:
        guard = _nearest(candidates)
        yield f"{guard.method} costs more accuracy than it may, with {_bound(guard)}"
    if kept:
        yield f"{kept.method} leaves the least attack, {kept.attack:.1%} by the reversed trigger that works best on it"
        if kept.backdoored:
            yield "the scan of the whole repaired net still calls it backdoored"
    behind = sorted(one.method for one in candidates if one.backdoored and one.holds)
    if behind and kept and not kept.backdoored:
        yield f"still called backdoored by a scan of the whole net: {', '.join(behind)}"
    able = [one for one in candidates if one.holds]
    woken = sorted(one.method for one in able if one.attack <= DEAD and _is_behind(one, able))
    if woken and kept:
        yield f"a far smaller trigger works again on the net of {', '.join(woken)}"
    rejected = sorted(one.method for one in candidates if not one.holds)
    if rejected and kept and not closest:
        yield f"rejected for their accuracy: {', '.join(rejected)}"


def _bound(one: Candidate) -> str:
    return f"{one.accuracy:.1%} where at least {one.least:.1%} is asked"
