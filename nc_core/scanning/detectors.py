"""The detectors by name: each looks at labels through the calls of `Inverter`, and the rest of a scan is the same.

What a detector gives is an `Inversion` for a label: a norm, small where the label is suspicious, and a trigger that a
repair can start from. Rounds, confirmations, the judging of the norms and the repairs do not know which one it was:
after a repair, labels are looked at afresh with Neural Cleanse, whose norms are never larger for the same mask.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from nc_core.detection import LabelNorm
from nc_core.gangsweep import Sweeper
from nc_core.inversion import Inverter

Detector = Literal["neural-cleanse", "gangsweep"]

DETECTORS: Mapping[str, type[Inverter]] = {"neural-cleanse": Inverter, "gangsweep": Sweeper}
"""Name on the command line -> what looks at the labels."""


def comparable(norms: Sequence[LabelNorm], repaired: Collection[int], *, detector: str) -> tuple[LabelNorm, ...]:
    """Of a scan's norms those that a fresh one of Neural Cleanse may be judged among.

    All of them, where it has made them. GangSweep's clean labels are larger than they would be by it, so that a clean
    label would seem small among them: there are the repaired labels' own alone, and their size judges.
    """
    return tuple(norm for norm in norms if detector == "neural-cleanse" or norm.label in repaired)
