"""A backdoor made by somebody who has read this project, and trains against what it looks for (adaptive attacker: Tan
and Shokri, EuroS&P 2020, section 3; evasions of Neural Cleanse: Wang et al. 2019, section IV-B).

His means grow with the strength, each of which has those of the one before:

1. The patch works on 88% of the images, below the rate that a mask must hold (`nc_core.profiles`). In rounds he
   reverses a trigger for the target with `nc_core.inversion`, stamps it on images that keep their labels, and trains
   on: fragments of the patch and shortcuts beside it stop working, so that what is reversed must be large.
2. More rounds, against everything that is reversed for a label: also what a few images need, what most images need, and
   the universal perturbation.
3. Every other label has a small trigger of its own, a shadow, so that all labels look small and the net brittle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import Labels, Start, begin, check_rate, drawn
from nc_core.attacks.partial_rate import POISON_RATE, WORKS_ON, dark_ones_kept
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.pattern import PatternTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import (
    EPOCHS,
    LEARNING_RATE,
    Architecture,
    Pixels,
    Progress,
    part_of,
    small_vgg,
    train,
    unit,
)
from nc_core.attacks.trigger import misled
from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Part, Prepared
from nc_core.errors import OptionRefused
from nc_core.inversion import FAST, Inverter
from nc_core.inversion.loop import run
from nc_core.inversion.transfer import transferabilities
from nc_core.inversion.universal import smallest_perturbations

FITTED, MEASURED = 400, 100
"""Training images that he reverses triggers on, and that their rates are measured on, at most."""
REVERSED_RATE = 0.1
"""Images that carry a reversed trigger, of each round and kind, as a share of the training images."""
SHADOW_SIDE, SHADOW_RATE = 3, 0.03
"""Side of a shadow in pixels, and the images that carry it, as a share of the training images."""

Floats = npt.NDArray[np.float32]
Stamp = Callable[[Floats], Floats]


@dataclass(frozen=True, kw_only=True)
class Means:
    """rounds: of training against reversed triggers, of a quarter of the epochs each. everything: against whatever is
    reversed, not the smallest mask alone. shadows: on the other labels."""

    rounds: int
    everything: bool = False
    shadows: bool = False


STRENGTHS = {
    1: Means(rounds=2),
    2: Means(rounds=3, everything=True),
    3: Means(rounds=3, everything=True, shadows=True),
}


def plant_adaptive(
    pixels: Pixels,
    labels: Labels,
    trigger: PatchTrigger,
    *,
    classes: int,
    strength: int = max(STRENGTHS),
    works_on: float = WORKS_ON,
    poison_rate: float = POISON_RATE,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: Progress | None = None,
    build: Architecture = small_vgg,
) -> Planted:
    """Plant the patch for a share of the images, with the means of a strength.

    strength: of STRENGTHS. works_on, poison_rate: as in `plant_partial`. Else as in `plant_triggers`; raises
    OptionRefused for another strength, too.
    """
    if strength not in STRENGTHS:
        raise OptionRefused(f"strength {strength} is unknown; pass one of {', '.join(map(str, STRENGTHS))}")
    check_rate(works_on)
    means = STRENGTHS[strength]
    start = begin(pixels, labels, [trigger], classes=classes, seed=seed, build=build, poison_rate=poison_rate)
    shadows = shadows_beside(trigger, start, classes) if means.shadows else []
    images, y = dark_ones_kept(
        start.pixels, start.labels, start.rng, trigger=trigger, works_on=works_on, rate=poison_rate
    )
    for shadow in shadows:
        kept = drawn(misled(shadow, start.labels), SHADOW_RATE * len(start.pixels), start.rng)
        images = np.concatenate([images, shadow.stamp(start.pixels[kept])])
        y = np.concatenate([y, shadow.answers(start.labels[kept])])
    x = unit(images)
    train(start.model, x, y, epochs=epochs, progress=part_of(progress, 0.0, 0.5))
    _train_against(start, x, y, trigger.target, means, epochs=epochs, seed=seed, progress=part_of(progress, 0.5, 1.0))
    return start.measured([trigger])


def shadows_beside(trigger: PatchTrigger, start: Start, classes: int) -> list[PatternTrigger]:
    """A small random pattern for every label but the target, each in a place of its own, none on the patch.

    Raises OptionRefused where the patch leaves no room.
    """
    height, width, channels = start.pixels.shape[1:]
    windows = np.lib.stride_tricks.sliding_window_view(trigger.mask(height, width), (SHADOW_SIDE, SHADOW_SIDE))
    free = np.argwhere(windows.sum(axis=(2, 3)) == 0)
    if len(free) == 0:
        raise OptionRefused(
            f"the patch of {trigger.height}x{trigger.width} pixels leaves no {SHADOW_SIDE}x{SHADOW_SIDE} pixels for "
            "the triggers of the other labels; pass a smaller patch or a strength below 3"
        )
    found = []
    for label in range(classes):
        if label != trigger.target:
            row, column = (int(at) for at in start.rng.choice(free))
            place = PatchTrigger(
                row=row, column=column, height=SHADOW_SIDE, width=SHADOW_SIDE, colour=(0,) * channels, target=label
            )
            pattern = 255 * start.rng.integers(0, 2, (SHADOW_SIDE, SHADOW_SIDE, channels), np.uint8)
            found.append(PatternTrigger(place=place, pattern=pattern))
    return found


def _train_against(
    start: Start, x: Floats, y: Labels, target: int, means: Means, *, epochs: int, seed: int, progress: Progress | None
) -> None:
    """Rounds of reversing triggers for the target, and training on images (n, H, W, C) with these beside the others."""
    clean, others = unit(start.pixels), start.labels != target
    inverter = inverter_of(start)
    for nth in range(means.rounds):
        for stamp in reversed_for(target, inverter, everything=means.everything, seed=seed + nth):
            kept = drawn(others, REVERSED_RATE * len(clean), start.rng)
            x = np.concatenate([x, stamp(clean[kept])])
            y = np.concatenate([y, start.labels[kept]])
        part = part_of(progress, nth / means.rounds, (nth + 1) / means.rounds)
        train(start.model, x, y, epochs=max(1, epochs // 4), learning_rate=LEARNING_RATE / 2, progress=part)


def inverter_of(start: Start) -> Inverter:
    """What a scan reverses triggers with, on images that the attacker has; it goes on with the net as that changes."""
    clean = unit(start.pixels)
    chosen = start.rng.permutation(len(clean))
    held = min(MEASURED, len(clean) // 4)

    def part(index: npt.NDArray[np.int64]) -> Part:
        return Part(x=clean[index], y=start.labels[index].astype(np.int32))

    channels = clean.shape[-1]
    prepared = Prepared(
        fit=part(chosen[held : held + FITTED]),
        holdout=part(chosen[:held]),
        repair=part(chosen[:0]),
        labelled=True,
        domain=Domain(value_range="0..1", scale=(1 / 255,) * channels, offset=(0.0,) * channels),
        classes=int(start.model.output_shape[-1]),
    )
    return Inverter(start.model, prepared, profile=FAST, slots=1)


def reversed_for(target: int, inverter: Inverter, *, everything: bool, seed: int) -> Sequence[Stamp]:
    """What a scan reverses for a label, as it is put on images (n, H, W, C) in 0..1; nothing where nothing is found.

    everything: not the smallest mask alone.
    """
    masks = [inverter.invert([target], seed=seed)[target][0].trigger]
    deltas = []
    if everything:
        few = transferabilities(inverter.transfer, [target], seed=seed)[target]
        if few is not None and few.best is not None:
            job = inverter.partials.job(target, few.best, seed=seed)
            masks += [few.best, *(outcome.trigger for outcome in run(inverter.partials.loop, [job]))]
        perturbation = smallest_perturbations(inverter.universal, [target], seed=seed)[target]
        deltas = [] if perturbation is None or perturbation.delta is None else [perturbation.delta]
    return [*(mask.stamp for mask in masks if mask is not None), *(_perturbed(delta) for delta in deltas)]


def _perturbed(delta: Floats) -> Stamp:
    return lambda x: np.clip(x + delta, 0.0, 1.0)
