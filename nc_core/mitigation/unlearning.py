"""Unlearning (Wang et al. 2019, section VI-C): fine-tune on stamped images with true labels, detect, patch
again.

The trigger that was reversed is one of several that work; unlearning it may leave the planted one alive. So
the flagged labels are inverted afresh on the patched net, and patched again with all triggers found so far
while detection would still find them.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np

from nc_core.detection import LabelNorm
from nc_core.intake import CanonicalModel
from nc_core.inversion import Inversion, Predictor, Profile, Trigger, invert_labels
from nc_core.inversion import Progress as InversionProgress
from nc_core.mitigation.finetune import fine_tune
from nc_core.mitigation.lessons import Lessons, TargetTrigger, clean_lessons
from nc_core.mitigation.measures import measure
from nc_core.mitigation.repair import Progress, Repair, Rescan
from nc_core.models import build_logits, with_weights
from nc_core.prepared import Prepared

ROUNDS = 3
"""Detect and patch at most this often (Wang et al. 2019, section VII: three times for several triggers on
a label)."""


def unlearn(
    canonical: CanonicalModel,
    prepared: Prepared,
    triggers: Mapping[int, Trigger],
    *,
    still_flagged: Callable[[LabelNorm], bool],
    seed: int,
    profile: Profile,
    slots: int,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Repair:
    """Unlearn the reversed triggers; arguments, result and errors as in `RepairMethod`."""
    start = time.perf_counter()
    model = build_logits(canonical)
    before = measure(model, prepared.holdout, triggers)
    clean = clean_lessons(prepared, Predictor(model), triggers)
    known = [TargetTrigger(label, trigger) for label, trigger in triggers.items()]
    rescan: dict[int, Rescan] = {}
    for rounds in range(1, ROUNDS + 1):
        told = _Told(progress, rounds, len(triggers))
        # Later rounds draw other batches and stamps, fresh inversions another start than the scan's.
        own_seed = int(np.random.default_rng([seed, rounds]).integers(2**31))
        fine_tune(model, clean, known, seed=own_seed, progress=told.patching, should_stop=should_stop)
        fresh = invert_labels(
            model,
            prepared,
            list(triggers),
            profile=profile,
            seed=own_seed,
            slots=slots,
            progress=told.inverting,
            should_stop=should_stop,
        )
        rescan = {label: _rescan(inversion, still_flagged) for label, inversion in fresh.items()}
        found = [label for label, judged in rescan.items() if judged.flagged]
        if not found:
            break
        known += [TargetTrigger(label, t) for label in found if (t := fresh[label].trigger) is not None]
    after = measure(model, prepared.holdout, triggers)
    return Repair(
        method="unlearning",
        goodnet=with_weights(canonical, model),
        accuracy_before=before.accuracy,
        accuracy_after=after.accuracy,
        reversed_attack_success_rate_before=before.reversed_rates,
        reversed_attack_success_rate_after=after.reversed_rates,
        rescan=rescan,
        rounds=rounds,
        seconds=time.perf_counter() - start,
        notes=_notes(prepared, clean, rescan, rounds),
    )


def _rescan(inversion: Inversion, still_flagged: Callable[[LabelNorm], bool]) -> Rescan:
    fresh = LabelNorm(
        label=inversion.label,
        state=inversion.state,
        norm=inversion.norm,
        attack_success_rate=inversion.attack_success_rate,
    )
    return Rescan(norm=inversion.norm, flagged=still_flagged(fresh))


class _Told:
    """Turns the steps of one round into shares of the whole repair."""

    def __init__(self, progress: Progress | None, rounds: int, labels: int) -> None:
        self._progress, self._rounds, self._labels = progress, rounds, labels
        self._inverted: dict[int, float] = {}

    def patching(self, fraction: float) -> None:
        self._tell(fraction / 2, "unlearning")

    def inverting(self, label: int, told: InversionProgress) -> None:
        self._inverted[label] = told.updates / told.budget
        self._tell(
            0.5 + sum(self._inverted.values()) / self._labels / 2, "inverting the flagged labels afresh"
        )

    def _tell(self, share: float, doing: str) -> None:
        if self._progress is not None:
            self._progress(
                (self._rounds - 1 + share) / ROUNDS, f"round {self._rounds} of at most {ROUNDS}: {doing}"
            )


def _notes(prepared: Prepared, clean: Lessons, rescan: Mapping[int, Rescan], rounds: int) -> tuple[str, ...]:
    notes = [
        f"Unlearned on {len(clean)} clean images in {rounds} round{'s' if rounds > 1 else ''} of patching.",
        "The planted trigger is not known, and that the reversed one is dead says little about it: measure on "
        "poisoned images where there are any.",
    ]
    if not prepared.labelled:
        notes.append(
            "Without labels the model's own answers to images it is confident of were learned; "
            f"{len(prepared.repair) - len(clean)} images that it assigns to a flagged label were left out."
        )
    left = [label for label, judged in rescan.items() if judged.flagged]
    if left:
        notes.append(
            f"Detection would still find {', '.join(map(str, left))}: do not rely on the repair alone."
        )
    return tuple(notes)
