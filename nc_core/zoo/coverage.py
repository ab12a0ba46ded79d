"""What a verdict does not cover, and how much of it was found on a zoo all the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nc_core.zoo.measured import Figures
from nc_core.zoo.statistics import Rate, rate

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "all-to-all attacks": ("all-to-all",),
    "source-specific (partial) attacks": ("source-specific",),
    "large triggers": (),
    "many infected labels": (),
    "triggers that depend on the image": ("input-dependent", "warping", "colour-shift"),
    "triggers of several parts": ("blended-noise", "blended-picture", "sinusoid", "low-frequency"),
    "attacks made to withstand": ("inversion-aware",),
}
"""How a family's sentence in `NOT_COVERED` begins -> attacks of the zoo that belong to it."""


@dataclass(frozen=True, kw_only=True)
class Covered:
    """A family that is not covered. attacks: those of it that were measured; found: of their nets, None of no nets."""

    family: str
    attacks: tuple[str, ...]
    found: Rate | None


def coverage(not_covered: Sequence[str], measured: Figures | None) -> list[Covered]:
    """Each family, in order, with what a zoo has measured of it."""
    return [_covered(family, measured) for family in not_covered]


def _covered(family: str, measured: Figures | None) -> Covered:
    known = {} if measured is None else measured.attacks
    wanted = next((attacks for begin, attacks in FAMILIES.items() if family.startswith(begin)), ())
    attacks = tuple(attack for attack in wanted if attack in known)
    if not attacks:
        return Covered(family=family, attacks=(), found=None)
    tallies = [known[attack] for attack in attacks]
    found = rate(sum(tally.found for tally in tallies), sum(tally.planted for tally in tallies))
    return Covered(family=family, attacks=attacks, found=found)
