"""What a repair learns from: clean images with targets, and stamped copies with the same targets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nc_core.datasets.prepared import Prepared
from nc_core.inversion import Predictor, Trigger

IMAGES_PER_CLASS, IMAGES = 30, 1000
"""From so many labelled images a class on, on average, and in all, their labels are what is learned. With 16 a class of
a drawn planted net, two rounds cost 5.5 points of accuracy by the labels, and 2.3 by the net's own logits. With 320
images in all of 10 classes (MNIST, three triggers) 1.3 points by the labels, 0.6 by the logits, which left 0.3% of the
attack and not 1.4%; of 2 classes as much either way. With 2,400 of 43 classes accuracy rises by the labels."""
SHIFTS = ((1, 1), (-1, -1), (2, 0), (0, 2), (-2, 1))
"""Rows and columns; what leaves the image on one side enters on the other."""
BLENDS = 3
"""Times that every image is blended with another one."""
MOST_FLOATS = 80_000_000
"""Of all images together, 320 MB: 10,300 faces of 55x47x3, but 530 pictures of 224x224x3."""


OWN = 0.5
"""Images of the repaired labels themselves that are shown once more, as a share of the stamped ones. What is stamped
has something of the label and is not to be called by it; the label's own images are then called less by it, too. On two
drawn planted nets one round with early triggers left 4.5 and 61% of the attack and lost .1 and 4.6 points of accuracy;
with these images it left 5.4 and 8.4%, and lost none and .8."""


class TargetTrigger(NamedTuple):
    """A reversed trigger and the label that it sends images to."""

    target: int
    trigger: Trigger


@dataclass(frozen=True, kw_only=True, eq=False)
class Lessons:
    """x (n, H, W, C) float32 in the model's domain; y (n,) int32; target (n, N) float32: probabilities, or, where
    `logits`, the logits of the submitted model.
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.int32]
    target: npt.NDArray[np.float32]
    logits: bool = False

    def __len__(self) -> int:
        return len(self.y)

    @property
    def probabilities(self) -> npt.NDArray[np.float32]:
        """The targets as probabilities (n, N)."""
        return softmax(self.target) if self.logits else self.target


def taught_by_labels(prepared: Prepared) -> bool:
    """Whether the images have labels, and enough of them to learn these and not the net's own answers."""
    return prepared.labelled and len(prepared.repair) >= max(IMAGES, IMAGES_PER_CLASS * prepared.classes)


def clean_lessons(prepared: Prepared, badnet: Predictor, flagged: Iterable[int], *, seed: int) -> Lessons:
    """The images of `prepared.repair` with what is to be answered to them.

    With labels, and enough of them, that is the true label. Otherwise it is all that the BadNet itself answers to the
    clean image and to variations of it, drawn from `seed`: its logits (Ba and Caruana 2014). Labels alone pull a net of
    many classes towards the few that the images show, and so do probabilities, of which all but a few are nearly 0. An
    image with a label that the BadNet does not give it is left out. So are those, and variations, that it assigns to a
    flagged label which is not known to be theirs: they may hold the trigger.
    """
    part = prepared.repair
    if taught_by_labels(prepared):
        return Lessons(x=part.x, y=part.y, target=np.eye(prepared.classes, dtype=np.float32)[part.y])
    barred = list(flagged)
    right = badnet(part.x).argmax(axis=1) == part.y if prepared.labelled else ~np.isin(part.y, barred)
    x = varied(part.x[right], seed=seed)
    answers = badnet(x) if len(x) else np.zeros((0, prepared.classes), np.float32)
    y = answers.argmax(axis=1).astype(np.int32)
    own = np.tile(part.y[right], len(x) // max(1, right.sum()))
    safe = ~np.isin(y, barred) | (prepared.labelled & (y == own))
    return Lessons(x=x[safe], y=y[safe], target=answers[safe], logits=True)


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(n, N) -> (n, N) class probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def with_stamped(
    clean: Lessons, triggers: Sequence[TargetTrigger], *, share: float, generator: np.random.Generator
) -> Lessons:
    """The clean lessons and, added to them, stamped copies of `share` of them, drawn anew in every call.

    Copies, where the paper stamps the images themselves: with a few hundred clean images none is to be missed
    in an epoch. A copy carries one of the triggers and the target of the clean image. An image of a trigger's
    own target class is never stamped with it: it would teach the association that is to be unlearned. Without
    triggers nothing is added.
    """
    if not triggers:
        return clean
    drawn = generator.choice(len(clean), size=round(share * len(clean)), replace=False)
    which = generator.integers(len(triggers), size=len(drawn))
    copies, sources = [clean.x], [np.arange(len(clean))]
    for nth, (target, trigger) in enumerate(triggers):
        rows = drawn[(which == nth) & (clean.y[drawn] != target)]
        copies.append(trigger.stamp(clean.x[rows]))
        sources.append(rows)
    source = np.concatenate(sources)
    return replace(clean, x=np.concatenate(copies), y=clean.y[source], target=clean.target[source])


def own_images(
    clean: Lessons, triggers: Sequence[TargetTrigger], *, stamped: int, generator: np.random.Generator
) -> Lessons:
    """Images of the targets' own classes, to be shown beside so many stamped ones: `OWN` times as many, drawn anew in
    every call, of each class as many. None where the lessons have no image of these classes."""
    classes = [np.flatnonzero(clean.y == target) for target in sorted({trigger.target for trigger in triggers})]
    known = [rows for rows in classes if len(rows)]
    drawn = [generator.choice(rows, size=round(OWN * stamped) // len(known)) for rows in known]
    rows = np.concatenate(drawn) if drawn else np.zeros(0, np.intp)
    return replace(clean, x=clean.x[rows], y=clean.y[rows], target=clean.target[rows])


def varied(x: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[np.float32]:
    """The images (n, H, W, C) and, as far as memory allows, up to nine times as many variations of them.

    For a repair that has the submitted net as its teacher and few images to ask it about: the net's own answers are
    what must not be lost then, and it answers to mirrored, shifted and blended images as well.
    """
    if not len(x):
        return x
    generator = np.random.default_rng([seed, 0xA06])
    made = [x, x[:, :, ::-1], *(np.roll(x, shift, axis=(1, 2)) for shift in SHIFTS)]
    made += [_blended(x, generator) for _ in range(BLENDS)]
    return np.concatenate(made[: max(1, MOST_FLOATS // x.size)]).astype(np.float32)


def _blended(x: npt.NDArray[np.float32], generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """Every image with another, in shares drawn evenly from 0 to 1 (mixup, Zhang et al. 2018)."""
    share = generator.random((len(x), 1, 1, 1), np.float32)
    return share * x + (1.0 - share) * x[generator.permutation(len(x))]
