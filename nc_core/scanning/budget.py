"""The minutes that a scan may take: what ends when they are used up, what is still done, and what is said of it.

They count from the begin of the preparation. Labels that have not ended by then are cancelled, what has is judged.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from nc_core.detection import Detection, LabelNorm
from nc_core.errors import OptionRefused
from nc_core.scanning.rounds import Plan


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Of a scan in this process. minutes: None where it may take as long as it takes. began: by the monotonic clock."""

    minutes: float | None
    began: float = field(default_factory=lambda: time.monotonic())

    def __post_init__(self) -> None:
        if self.minutes is not None and not self.minutes > 0:
            raise OptionRefused(f"the budget is {self.minutes:g} minutes: pass more than 0, or none")

    @property
    def spent(self) -> bool:
        """Whether it is used up."""
        return self.minutes is not None and time.monotonic() - self.began >= 60.0 * self.minutes


UNLIMITED = Budget(minutes=None)


def ends_round(rounds: Plan, number: int) -> bool:
    """Whether a budget that is used up ends the labels of a round.

    Confirmations are few, and a verdict is not to rest on one lucky start: they are done whatever the budget says.
    """
    return rounds.purpose(number) != "confirmation"


def used_up(minutes: float) -> str:
    """What is said of labels that a budget has ended, and of the verdict without them."""
    return f"the budget of {minutes:g} minute{'' if minutes == 1 else 's'} was used up"


def with_budget(found: Detection, labels: Iterable[LabelNorm], minutes: float | None) -> Detection:
    """The detection of one value range, with a sentence about the budget where that has ended labels of it."""
    if minutes is None or all(label.state != "cancelled" for label in labels):
        return found
    why = used_up(minutes)
    return replace(found, reason=f"{found.reason} {why[0].upper()}{why[1:]}.")
