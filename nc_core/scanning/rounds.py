"""Which labels are looked at how closely: the rounds of one scan (numpy alone).

Few labels are all inverted. Of many, most can be left behind after a glance (Wang et al. 2019, section V-B): by
successive halving (Jamieson and Talwalkar 2016) every label gets a few updates, the labels with the smallest masks a
few more, and the last few the whole optimisation. A reference group, drawn at random beforehand, goes through all of
it whatever its masks look like: median and MAD come from it alone, because labels that were chosen for being small
say nothing about the others.

What follows a round depends on the labels, the seed and the norms, never on the order in which labels ended.

Where the clean images fit several value ranges alike, all of this is done in each, one after the other: the rounds of
range number r are numbered from r * `RANGE_ROUNDS` on, so that a round says which range it belongs to.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nc_core.detection import AGAIN, confirmed_of
from nc_core.profiles import SCREENING_STEPS

Purpose = Literal["screening", "inversion", "confirmation"]

RANGE_ROUNDS = 10_000
"""Rounds that a range may have. A confirmation takes at least one label that was not confirmed before, nearly always
all that are left: two or three rounds are usual."""

SCREENED_FROM = 250
"""Labels from which a scan screens; below, the reference would be most of them."""
REFERENCE = 50
"""Labels of the reference group. Of 1283 labels the smallest must lie 4.8 robust deviations below the median of such a
group to be chance in 5% of the models; with 100 it would be 4.4 (simulated, normal log norms).
What is found by the first round of screening rests on all labels."""
ONE_IN = 4
"""Of so many labels one goes on after a round of screening."""
CANDIDATES = 25
"""Labels that go on after the last one, besides the reference."""
STEPS = {"fast": 66, "thorough": 94, "paper": 89}
"""About how many steps an inversion takes, by profile, for estimates of what is to come (a GTSRB BadNet)."""
SCREENED_PROFILES = frozenset({"fast"})
"""Profiles whose scans screen."""


def range_of(round: int) -> int:
    """The number of the value range that a round belongs to."""
    return round // RANGE_ROUNDS


def within_range(round: int) -> int:
    """The number of a round among those of its own range."""
    return round % RANGE_ROUNDS


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The rounds of a scan, in each range: `screenings` of them from number 0, the inversion, then confirmations.

    labels: all that were asked for, sorted. reference: labels that stand for clean ones; all where nothing is screened.
    ranges: value ranges that are scanned.
    """

    labels: tuple[int, ...]
    reference: frozenset[int]
    screenings: int
    profile: str
    ranges: int = 1

    def first_round(self, range: int) -> int:
        """The round that a range begins with."""
        return range * RANGE_ROUNDS

    def inversion_round(self, range: int) -> int:
        """The round of a range that looks at its labels to the end."""
        return self.first_round(range) + self.screenings

    def purpose(self, round: int) -> Purpose:
        """What a round is for."""
        number = within_range(round)
        return "screening" if number < self.screenings else "inversion" if number == self.screenings else "confirmation"

    def profile_of(self, round: int) -> str:
        """The name of the profile (`nc_core.inversion.PROFILES`) that a round runs with."""
        if self.purpose(round) == "screening":
            return "screening"
        return "patient" if self.screenings else self.profile

    def carries(self, round: int) -> bool:
        """Whether a round's labels begin where the round before left them, and not from a random start."""
        return 0 < within_range(round) <= self.screenings

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
        kept = math.ceil(len(self.labels) / ONE_IN ** (within_range(round) + 1))
        by_size = sorted(norms, key=lambda label: (norms[label], label))
        return tuple(sorted({*by_size[: max(kept, CANDIDATES)], *(self.reference & norms.keys())}))

    def share(self, round: int, done: float) -> float:
        """The share of the whole work, of all ranges, that is done when `done` of a round is, 0..1: an estimate."""
        work, number = [self.steps(each) for each in range(self.screenings + 2)], within_range(round)
        before = sum(work[:number])
        of_range = min(1.0, (before + done * (work[number] if number < len(work) else 0.0)) / sum(work))
        return min(1.0, (range_of(round) + of_range) / self.ranges)

    def asks_the_net(self, round: int, label: int) -> bool:
        """Whether the net as a whole is looked at beside this label: once a range, where all labels are inverted."""
        return not self.screenings and self.purpose(round) == "inversion" and (label,) == self.labels[:1]

    def steps(self, round: int) -> int:
        """About how many steps all labels of a round take together."""
        purpose, count = self.purpose(round), self.labels_in(round)
        starts = len(AGAIN) if purpose == "confirmation" else 1
        return count * (SCREENING_STEPS if purpose == "screening" else starts * self._inversion_steps)

    def asked(self, round: int) -> int:
        """About how many labels of a round are asked whether they are universal (`nc_core.inversion.transfer`)."""
        return 0 if self.purpose(round) == "screening" else self.labels_in(round)

    def labels_in(self, round: int) -> int:
        """About how many labels a round looks at."""
        count = len(self.labels)
        if self.purpose(round) == "confirmation":
            return confirmed_of(count)
        if (number := within_range(round)) > 0:
            return max(math.ceil(count / ONE_IN**number), CANDIDATES) + len(self.reference)
        return count

    @property
    def _inversion_steps(self) -> int:
        return STEPS[self.profile]


def plan(labels: Sequence[int], *, profile: str, seed: int, ranges: int = 1) -> Plan:
    """The plan of a scan of these labels in so many value ranges."""
    asked = tuple(sorted(labels))
    if profile not in SCREENED_PROFILES or len(asked) < SCREENED_FROM:
        return Plan(labels=asked, reference=frozenset(asked), screenings=0, profile=profile, ranges=ranges)
    drawn = np.random.default_rng([seed, len(asked)]).choice(asked, REFERENCE, replace=False)
    screenings = math.ceil(math.log(len(asked) / CANDIDATES, ONE_IN))
    return Plan(
        labels=asked, reference=frozenset(drawn.tolist()), screenings=screenings, profile=profile, ranges=ranges
    )
