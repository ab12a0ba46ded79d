"""Unlearning (Wang et al. 2019, section VI-C) in rounds: fine-tune on stamped images with true labels,
detect, patch.

The trigger that was reversed is one of several that work; unlearning it may leave the planted one alive. So
the flagged labels are inverted afresh on the patched net, and it is patched again with all triggers found so
far.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np

from nc_core.detection import LabelNorm
from nc_core.intake import CanonicalModel
from nc_core.inversion import Inversion, Predictor, Profile, Trigger, invert_labels
from nc_core.mitigation.finetune import fine_tune, tuning_for
from nc_core.mitigation.lessons import Lessons, TargetTrigger, clean_lessons
from nc_core.mitigation.measures import measure
from nc_core.mitigation.repair import Progress, Repair, Rescan
from nc_core.mitigation.telling import Told
from nc_core.models import Compute, build_logits, with_weights
from nc_core.prepared import Prepared

LEAST_ROUNDS, ROUNDS = 2, 3
"""Of patching (Wang et al. 2019, section VII: three times, for several triggers on one label).

The second is made also where detection no longer finds the label: on the real sunglasses BadNet it found
nothing after the first, and a third of the true attacks still succeeded. The third costs accuracy and is made
only where it does.
"""


def unlearn(
    canonical: CanonicalModel,
    prepared: Prepared,
    triggers: Mapping[int, Trigger],
    *,
    still_flagged: Callable[[LabelNorm], bool],
    seed: int,
    profile: Profile,
    slots: int,
    compute: Compute = "float32",
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Repair:
    """Unlearn the reversed triggers; arguments, result and errors as in `RepairMethod`."""
    start = time.perf_counter()
    model = build_logits(canonical)
    predict = Predictor(model)
    before = measure(predict, prepared.holdout, triggers)
    clean = clean_lessons(prepared, predict, triggers)
    tuning = tuning_for(clean, labelled=prepared.labelled)
    known = [TargetTrigger(label, trigger) for label, trigger in triggers.items()]
    rescan: dict[int, Rescan] = {}
    for rounds in range(1, ROUNDS + 1):
        told = Told(progress, rounds, ROUNDS, len(triggers))
        # Each round draws other batches and stamps, and starts its inversions elsewhere than the scan did.
        own = int(np.random.default_rng([seed, rounds]).integers(2**31))
        fine_tune(model, clean, known, tuning=tuning, seed=own, progress=told.patching, should_stop=should_stop)
        fresh = invert_labels(
            model,
            prepared,
            list(triggers),
            profile=profile,
            seed=own,
            slots=slots,
            compute=compute,
            progress=told.inverting,
            should_stop=should_stop,
        )
        rescan = {label: _rescan(inversion, still_flagged) for label, inversion in fresh.items()}
        if rounds >= LEAST_ROUNDS and not any(judged.flagged for judged in rescan.values()):
            break
        known += [TargetTrigger(label, i.trigger) for label, i in fresh.items() if i.trigger is not None]
    after = measure(predict, prepared.holdout, triggers)
    if progress is not None:
        progress(1.0, f"unlearned in {rounds} rounds")
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


def _notes(prepared: Prepared, clean: Lessons, rescan: Mapping[int, Rescan], rounds: int) -> tuple[str, ...]:
    notes = [
        f"Unlearned on {len(clean)} clean images in {rounds} round{'s' if rounds > 1 else ''} of patching.",
        "The planted trigger is not known, and that the reversed one is dead says little about it: measure "
        "on poisoned images where there are any.",
    ]
    if not prepared.labelled:
        notes.append(
            "Without labels the model's own answers to images it is confident of were learned; "
            f"{len(prepared.repair) - len(clean)} images that it assigns to a flagged label were left out."
        )
    left = [label for label, judged in rescan.items() if judged.flagged]
    if left:
        notes.append(f"Detection would still find label {', '.join(map(str, left))}: do not rely on the repair alone.")
    return tuple(notes)
