"""How many clean images preflight looks at: as many as it can in a few seconds, of a large net fewer than it would."""

from dataclasses import dataclass

from nc_core.errors import OutOfBudget
from nc_core.intake.cost import NetCost
from nc_core.preflight.gradient import IMAGES_PER_LABEL, ROWS
from nc_core.preflight.ranges import PROBE_IMAGES, VALUE_RANGES

ACCURACY_IMAGES = 10_000
"""Images that clean accuracy is measured on, at most."""
LEAST_PROBE, LEAST_ACCURACY = 8, 16
"""Fewer say next to nothing."""
SECONDS, GRADIENT_SECONDS = 8.0, 8.0
"""Of one processor, for passes forward and for gradients."""
MOST_SECONDS, MOST_GRADIENT_SECONDS = 30.0, 12.0
"""Of one processor, for the least number of images and for the gradients of one label; a net that takes longer is
refused. A VGG19 at 224x224 takes 18 and 4."""
GRADIENT_BYTES = 512 * 2**20
"""Memory of one batch that gradients are taken of."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """probe: images that value ranges are compared on. accuracy: that clean accuracy is measured on. labels: whose
    gradient is looked at. rows: images in one batch of those.
    """

    probe: int = PROBE_IMAGES
    accuracy: int = ACCURACY_IMAGES
    labels: int = 100_000
    rows: int = ROWS

    def accuracy_in(self, ranges: int) -> int:
        """Images that clean accuracy is measured on in each of so many value ranges: they share what is short."""
        if self.accuracy == ACCURACY_IMAGES:
            return self.accuracy
        return max(LEAST_ACCURACY, self.accuracy // ranges)


def pace_of(net: NetCost) -> Pace:
    """What fits the time; raises OutOfBudget for a net of which not even the least number of images does.

    It goes by the shapes of the net alone, so that every machine looks at the same images.
    """
    seconds, ranges = net.forward_seconds, len(VALUE_RANGES)
    of_label = IMAGES_PER_LABEL * net.slowest_gradient_seconds
    least = ranges * LEAST_PROBE + LEAST_ACCURACY
    for images, each, most, what in (
        (least, seconds, MOST_SECONDS, "the fewest that say whether it fits the data"),
        (IMAGES_PER_LABEL, net.slowest_gradient_seconds, MOST_GRADIENT_SECONDS, "the gradients of one label"),
    ):
        if images * each > most:
            raise OutOfBudget(
                f"one picture takes this model about {each:.2g} s of one processor: {images * each:.0f} s for {what}, "
                f"the limit is {most:.0f} s; submit a smaller net, or one for smaller pictures"
            )
    affordable = SECONDS / seconds
    probe = _between(LEAST_PROBE, affordable / 2 / ranges, PROBE_IMAGES)
    labels = max(1, int(GRADIENT_SECONDS / of_label))
    return Pace(
        probe=probe,
        accuracy=_between(LEAST_ACCURACY, affordable - ranges * probe, ACCURACY_IMAGES),
        labels=labels,
        rows=_between(1, min(GRADIENT_BYTES / net.gradient_bytes, labels * IMAGES_PER_LABEL), ROWS),
    )


def _between(least: int, wanted: float, most: int) -> int:
    return int(max(least, min(wanted, most)))
