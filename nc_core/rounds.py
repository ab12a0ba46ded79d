"""Which labels are looked at how closely: the rounds of one scan (numpy alone).

Few labels are all inverted. Of many, most can be left behind after a glance (Wang et al. 2019, section V-B): by
successive halving (Jamieson and Talwalkar 2016) every label gets a few updates, the labels with the smallest masks a
few more, and the last few the whole optimisation. A reference group, drawn at random beforehand, goes through all of
it whatever its masks look like: median and MAD come from it alone, because labels that were chosen for being small
say nothing about the others.

What follows a round depends on the labels, the seed and the norms, never on the order in which labels ended.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nc_core.detection import AGAIN, confirmed_of

Purpose = Literal["screening", "inversion", "confirmation"]

SCREENED_FROM = 250
"""Labels from which a scan screens; below, the reference would be most of them."""
REFERENCE = 100
"""Labels of the reference group. Of 1283 labels the smallest must lie 4.4 robust deviations below the median of
such a group to be chance in 5% of the models; with 50 it would be 4.8 (simulated, normal log norms)."""
ONE_IN = 4
"""Of so many labels one goes on after a round of screening."""
CANDIDATES = 25
"""Labels that go on after the last one, besides the reference."""
SCREENING_STEPS = 12
"""Steps of one round of screening: after so many the true targets of real and planted nets of 43 to 163 labels were
among the smallest sixth, those of the two face nets the smallest of all."""
STEPS = {"fast": 66, "thorough": 94, "paper": 89}
"""About how many steps an inversion takes, by profile, for estimates of what is to come (a GTSRB BadNet)."""
SCREENED_PROFILES = frozenset({"fast"})
"""Profiles whose scans screen."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The rounds of a scan: `screenings` of them from number 0, the inversion, then confirmations.

    labels: all that were asked for. reference: labels that stand for clean ones; all where nothing is screened.
    """

    labels: tuple[int, ...]
    reference: frozenset[int]
    screenings: int
    profile: str

    def purpose(self, round: int) -> Purpose:
        """What a round is for."""
        return "screening" if round < self.screenings else "inversion" if round == self.screenings else "confirmation"

    def profile_of(self, round: int) -> str:
        """The name of the profile (`nc_core.inversion.PROFILES`) that a round runs with."""
        if self.purpose(round) == "screening":
            return "screening"
        return "patient" if self.screenings else self.profile

    def carries(self, round: int) -> bool:
        """Whether a round's labels begin where the round before left them, and not from a random start."""
        return 0 < round <= self.screenings

    def slots_of(self, round: int, slots: int) -> int:
        """Labels in one batch, of at most `slots`: a confirmation has work for few, and empty slots cost as much."""
        if self.purpose(round) != "confirmation":
            return slots
        # Half of the labels: each label's starts stay with one worker, and two workers are usual.
        return min(slots, len(AGAIN) * math.ceil(confirmed_of(len(self.labels)) / 2))

    def after(self, round: int, norms: Mapping[int, float]) -> tuple[int, ...]:
        """The labels of the round that follows a screening, sorted.

        norms: of the masks as the round left them, without labels that failed; they do not go on.
        """
        kept = math.ceil(len(self.labels) / ONE_IN ** (round + 1))
        by_size = sorted(norms, key=lambda label: (norms[label], label))
        return tuple(sorted({*by_size[: max(kept, CANDIDATES)], *(self.reference & norms.keys())}))

    def share(self, round: int, done: float) -> float:
        """The share of the whole work that is done when `done` of a round is, 0..1: an estimate."""
        work = [self.steps(each) for each in range(self.screenings + 2)]
        before = sum(work[:round])
        return min(1.0, (before + done * (work[round] if round < len(work) else 0.0)) / sum(work))

    def steps(self, round: int) -> int:
        """About how many steps all labels of a round take together."""
        purpose, count = self.purpose(round), len(self.labels)
        if purpose == "confirmation":
            return len(AGAIN) * confirmed_of(count) * self._inversion_steps
        if round > 0:
            count = max(math.ceil(count / ONE_IN**round), CANDIDATES) + len(self.reference)
        return count * (SCREENING_STEPS if purpose == "screening" else self._inversion_steps)

    @property
    def _inversion_steps(self) -> int:
        return STEPS[self.profile]


def plan(labels: Sequence[int], *, profile: str, seed: int) -> Plan:
    """The plan of a scan of these labels."""
    asked = tuple(sorted(labels))
    if profile not in SCREENED_PROFILES or len(asked) < SCREENED_FROM:
        return Plan(labels=asked, reference=frozenset(asked), screenings=0, profile=profile)
    drawn = np.random.default_rng([seed, len(asked)]).choice(asked, REFERENCE, replace=False)
    screenings = math.ceil(math.log(len(asked) / CANDIDATES, ONE_IN))
    return Plan(labels=asked, reference=frozenset(drawn.tolist()), screenings=screenings, profile=profile)
