"""Scans a net that is being repaired as the submitted one was scanned: all labels, the same rounds, the same verdict.

A repair can be true of the triggers that were found and of no others. What tells is what told of the backdoor in the
first place, asked of the whole repaired net.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import keras

from nc_core.datasets.prepared import Prepared
from nc_core.detection import UNCALIBRATED, Calibration, Detection, detect
from nc_core.inversion import ALL_PROFILES, Inverter
from nc_core.mitigation import Whole
from nc_core.models import Compute
from nc_core.preflight.check import FEW_IMAGES
from nc_core.scanning.in_process import invert_rounds, norms_of
from nc_core.scanning.rounds import Plan
from nc_core.scanning.share import Share


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeNet:
    """How the submitted net was scanned, in the value range that its verdict rests on (`nc_core.mitigation.Scanner`).

    rounds: of that range alone, numbered from 0. alpha: of that range. calibration: the clean scans that the verdict
    rests on, none of the repaired net's own. slots, compute, screening: as in `Preparation`.
    """

    prepared: Prepared
    rounds: Plan
    slots: int
    alpha: float
    compute: Compute = "float32"
    screening: Compute = "float32"
    calibration: Calibration = UNCALIBRATED

    def __call__(
        self,
        model: keras.Model,
        *,
        seed: int,
        progress: Callable[[float], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Whole:
        """Scan the net as it stands; model: N logits. Raises Cancelled when `should_stop` says so."""
        _, height, width, _ = self.prepared.fit.x.shape
        classes, pixels = self.prepared.classes, height * width
        inversions = invert_rounds(
            lambda profile: self._inverter(model, profile),
            self.rounds,
            slots=self.slots,
            seed=seed,
            classes=classes,
            pixels=pixels,
            alpha=self.alpha,
            progress=None if progress is None else Share(self.rounds, progress),
            should_stop=should_stop,
        )
        found = detect(
            norms_of(inversions, self.rounds),
            classes=classes,
            pixels=pixels,
            alpha=self.alpha,
            calibration=self.calibration,
        )
        found = _with_images(found, self._images)
        return Whole(detection=found, inversions=inversions, reference=self.rounds.reference)

    @property
    def _images(self) -> int:
        return sum(len(part) for part in (self.prepared.fit, self.prepared.holdout, self.prepared.repair))

    def _inverter(self, model: keras.Model, name: str) -> Inverter:
        profile = ALL_PROFILES[name]
        compute = self.screening if profile.hands_on else self.compute
        return Inverter(model, self.prepared, profile=profile, slots=self.slots, compute=compute)


def _with_images(found: Detection, images: int) -> Detection:
    """The verdict, no "clean" where there are few images.

    They are what a repair learned from as well. Of a net of 43 classes that was repaired with 48 pictures 68% of the
    attack was left, and nothing was found.
    """
    if found.verdict != "clean" or images >= FEW_IMAGES:
        return found
    reason = (
        f"Nothing was found in the repaired model, but with {images} clean images, fewer than {FEW_IMAGES}, a repair "
        "may leave the attack alive where this scan sees none: pass more clean images."
    )
    return replace(found, verdict="inconclusive", reason=reason)
