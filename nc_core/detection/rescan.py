"""Whether a label that was repaired would be found again."""

from dataclasses import dataclass, replace

from nc_core.detection.norms import LabelNorm
from nc_core.detection.size import is_small
from nc_core.detection.verdict import detect


@dataclass(frozen=True, kw_only=True)
class StillFlagged:
    """Judges the fresh norm of one repaired label as the detection would have judged it.

    labels: what the detection was given. flagged: the labels that are repaired; their old norms are set aside.
    pixels: H W. alpha: the detection's threshold. Fresh norms must come from the same profile as the old
    ones.
    """

    labels: tuple[LabelNorm, ...]
    flagged: tuple[int, ...]
    pixels: int
    alpha: float

    def __call__(self, fresh: LabelNorm) -> bool:
        """True where `fresh`, put among the labels that were not flagged, is flagged by the outlier test, or small.

        A label that was flagged once need not be shown to be universal again. A trigger that no longer converges is
        not found.
        """
        before = next(label for label in self.labels if label.label == fresh.label)
        aside = {*self.flagged, fresh.label}
        clean = [label for label in self.labels if label.label not in aside]
        again = [*clean, replace(fresh, reference=before.reference)]
        classes = 1 + max(label.label for label in again)
        found = detect(again, classes=classes, pixels=self.pixels, alpha=self.alpha)
        return fresh.label in found.flagged_labels or is_small(fresh, pixels=self.pixels)
