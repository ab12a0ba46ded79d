"""Attack families: which a verdict is about and which it does not cover, and what a zoo has measured of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nc_core.zoo.measured import Figures, Tally

NOT_WHOLLY: Mapping[str, tuple[str, ...]] = {
    "all-to-all attacks": ("all-to-all",),
    "source-specific (partial) attacks": ("source-specific",),
    "large triggers": (),
    "many infected labels": (),
    "triggers that depend on the image": ("input-dependent", "warping", "colour-shift"),
    "triggers of several parts": ("blended-noise", "blended-picture", "sinusoid", "low-frequency"),
    "attacks made to withstand": ("inversion-aware", "adaptive"),
}
"""How a family's sentence in `NOT_COVERED` begins -> attacks of the zoo that belong to it."""
LOOKED_FOR: Mapping[str, tuple[str, ...]] = {
    "a patch in one place, however it was planted": ("badnets", "low-rate", "clean-label"),
    "a patch in any place": ("random-position",),
    "a patch that works on 80 to 95% of the images": ("partial",),
    "several patches, each for a label of its own or all for one": ("multi-target", "multi-trigger"),
    "a patch that works through chosen neurons, or outlives fine-tuning or pruning": (
        *("trojan", "latent", "pruning-aware"),
    ),
}
"""The others, in words of their own."""


@dataclass(frozen=True, kw_only=True)
class Covered:
    """A family. looked_for: False where a verdict says that it does not cover it, or not wholly. attacks: of the zoo
    that belong to it and were measured; missing: that were not. tally: of all their nets, None of no nets.
    """

    family: str
    looked_for: bool
    attacks: tuple[str, ...]
    missing: tuple[str, ...]
    tally: Tally | None


def coverage(not_covered: Sequence[str], measured: Figures | None) -> list[Covered]:
    """Each family that a verdict does not cover, in its order, then the others, with what a zoo has measured of it."""
    attacks = {family: _attacks_of(family) for family in not_covered}
    return [
        *(_covered(family, wanted, measured, looked_for=False) for family, wanted in attacks.items()),
        *(_covered(family, wanted, measured, looked_for=True) for family, wanted in LOOKED_FOR.items()),
    ]


def _attacks_of(sentence: str) -> tuple[str, ...]:
    """None of a family of another version."""
    return next((attacks for begin, attacks in NOT_WHOLLY.items() if sentence.startswith(begin)), ())


def _covered(family: str, wanted: Sequence[str], measured: Figures | None, *, looked_for: bool) -> Covered:
    known = {} if measured is None else measured.attacks
    attacks = tuple(attack for attack in wanted if attack in known)
    tallies = [known[attack] for attack in attacks]
    return Covered(
        family=family,
        looked_for=looked_for,
        attacks=attacks,
        missing=tuple(attack for attack in wanted if attack not in known),
        tally=Tally.of_all(tallies) if tallies else None,
    )
