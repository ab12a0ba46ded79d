"""What follows a round of a scan: the one place that decides it, for a scan in one process and for the service's tasks.

A plan (`nc_core.scanning.rounds`) says how closely the labels of each round are looked at; which labels those are
follows from what the rounds before have found. Everything here is a pure function of rows that can be read back from
SQL, so that a step may be taken again by whoever finds it not done.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from nc_core.detection import LabelNorm, detect, is_small, share_of, to_confirm
from nc_core.scanning.rounds import Plan, range_of


@dataclass(frozen=True, kw_only=True)
class Round:
    """A round of a scan: its number, which says its value range and purpose, and the labels that it looks at."""

    number: int
    labels: tuple[int, ...]


def first_round(rounds: Plan, *, range: int = 0) -> Round:
    """The round that a value range begins with."""
    return Round(number=rounds.first_round(range), labels=rounds.labels)


def next_step(
    rounds: Plan,
    number: int,
    labels: Sequence[LabelNorm],
    *,
    masks: Mapping[int, float],
    confirmed: Collection[int],
    classes: int,
    pixels: int,
    alpha: float,
    detector: str = "neural-cleanse",
    spent: bool = False,
) -> Round | None:
    """The round after round `number`, whose labels have all ended; None where the verdict is next.

    Args:
        labels: the latest outcome of every label of the round's value range.
        masks: norms of the masks that the round's own labels ended with, whatever became of them.
        confirmed: labels of that range that were inverted again already.
        classes: of the model. pixels: H W.
        alpha: of the whole scan, per model.
        detector: what looks at the labels.
        spent: whether the scan's time is used up. Then nothing is confirmed but what would be called a backdoor, which
            is not to rest on one lucky start.

    Which labels are confirmed is found without the clean scans of a calibration: those were chosen so, and they may end
    later.
    """
    if rounds.purpose(number) == "screening":
        going = rounds.after(number, masks)
        # Where no label got past the screening there is nothing to invert or to confirm.
        return Round(number=number + 1, labels=going) if going else _next_range(rounds, number)
    found = detect(labels, classes=classes, pixels=pixels, alpha=share_of(alpha, rounds.ranges), detector=detector)
    doubtful = to_confirm(labels, flagged=found.flagged_labels, confirmed=confirmed, pixels=pixels)
    if spent:
        small = {one.label for one in labels if is_small(one, pixels=pixels)}
        doubtful = [label for label in doubtful if label in {*found.flagged_labels, *small}]
    return Round(number=number + 1, labels=tuple(doubtful)) if doubtful else _next_range(rounds, number)


def _next_range(rounds: Plan, number: int) -> Round | None:
    following = range_of(number) + 1
    return first_round(rounds, range=following) if following < rounds.ranges else None
