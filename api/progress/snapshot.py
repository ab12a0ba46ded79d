"""How far a submission is, at one moment: its phase, what is done of each, and what to say beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from nc_core.results.numbers import count
from nc_core.scanning.rounds import Purpose
from nc_tasks.store.tables.states import SUBMISSION_ENDS

PHASES = ("prepare", "inversion", "detection", "repair")
NAMES = {
    "prepare": "Preparing",
    "inversion": "Reversing triggers",
    "detection": "Detection",
    "repair": "Repair",
}


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """How far a submission is, from one read.

    state: the submission's. phase: one of `PHASES`, None once it has ended. labels_total: of the scan. purpose: what
    the present round is for; round: its number from 0, of `screenings` and then the inversion; labels_ended, labels: of
    this round. range: number of the value range at work, of `ranges`, each with rounds of its own. inversion, repair:
    done share, 0..1. repairs: methods that are tried. clean_scans: that the verdict is held against; awaited: those of
    them that it waits for, its own labels having ended.
    """

    state: str
    phase: str | None
    reason: str | None
    labels_total: int
    purpose: Purpose
    round: int
    screenings: int
    labels_ended: int
    labels: int
    inversion: float
    repairs: int
    repair: float
    range: int = 0
    ranges: int = 1
    clean_scans: int = 0
    awaited: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in SUBMISSION_ENDS

    @classmethod
    def from_event(cls, data: Mapping[str, Any]) -> Self:
        """From a server's `progress` event, which says no reason; repairs are counted as one."""
        names = ("state", "phase", "labels_total", "purpose", "round", "screenings", "labels_ended", "labels")
        inversion, repair = data["shares"]["inversion"], data["shares"]["repair"]
        return cls(
            **{name: data[name] for name in names},
            # A server of an earlier version scans in one.
            range=data.get("range", 0),
            ranges=data.get("ranges", 1),
            clean_scans=data.get("clean_scans", 0),
            awaited=data.get("awaited", 0),
            reason=None,
            inversion=inversion,
            repairs=int(repair > 0 or data["phase"] == "repair"),
            repair=repair,
        )

    @classmethod
    def at_end(cls, *, state: str, reason: str | None, labels: int) -> Self:
        """Of a submission that has ended, where nothing is known but that. labels: of the scan."""
        return cls(
            state=state,
            phase=None,
            reason=reason,
            labels_total=labels,
            purpose="inversion",
            round=0,
            screenings=0,
            labels_ended=labels,
            labels=labels,
            inversion=1.0,
            repairs=0,
            repair=0.0,
        )


def shares(seen: Snapshot) -> dict[str, float]:
    """The done share of every phase; a phase that was left counts as done, unless it was not needed."""
    reached = len(PHASES) if seen.phase is None else PHASES.index(seen.phase)
    partial = {"inversion": seen.inversion, "repair": seen.repair}
    done = {
        phase: 1.0 if index < reached else partial.get(phase, 0.0) if index == reached else 0.0
        for index, phase in enumerate(PHASES)
    }
    return done if seen.repairs else {**done, "repair": 0.0}


def detail(phase: str, seen: Snapshot) -> str:
    """What a bar says beside its share."""
    if phase == seen.phase and seen.awaited:
        return f"waiting for {seen.awaited} of {count(seen.clean_scans, 'clean scan')}"
    if phase != "inversion" or not seen.labels:
        return ""
    if seen.phase != "inversion":
        return count(seen.labels_total, "label")
    ended = f"{seen.labels_ended:,} of {count(seen.labels, 'label')}"
    of_range = f"value range {seen.range + 1} of {seen.ranges}: " if seen.ranges > 1 else ""
    if seen.purpose == "screening":
        return f"{of_range}screening {seen.round + 1} of {seen.screenings}: {ended}"
    return f"{of_range}confirming {ended}" if seen.purpose == "confirmation" else f"{of_range}{ended}"
