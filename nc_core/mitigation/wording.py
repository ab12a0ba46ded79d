"""What a repair says about itself, in sentences for people."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nc_core.detection import Detection
from nc_core.mitigation.bound import BoundOutcome
from nc_core.mitigation.case import Case
from nc_core.mitigation.lessons import IMAGES, IMAGES_PER_CLASS, Lessons
from nc_core.mitigation.rescan import Found, Rescan

UNKNOWN = (
    "The true attack rate is unknown: that the reversed triggers are dead says little about the planted one. Measure "
    "on poisoned images where there are any."
)


def notes_of(
    case: Case,
    clean: Lessons,
    bound: BoundOutcome,
    found: Found,
    *,
    followers: Sequence[int] = (),
    beyond: Sequence[int] = (),
    rounds: int,
    end: str,
) -> tuple[str, ...]:
    """How the loop went, what stood in for labels, what is left, and what nobody knows."""
    return (
        f"{rounds} round{'s' if rounds > 1 else ''} on {len(clean)} clean {_shown(clean)}, ended by: {end}.",
        *_bound(bound),
        *_taught(case, clean),
        *_followed(followers),
        *_beyond(beyond),
        *_left(case, found.rescan),
        *_afterwards(found.whole),
        UNKNOWN,
    )


def _shown(clean: Lessons) -> str:
    return "images and variations of them" if clean.logits else "images"


def _bound(bound: BoundOutcome) -> Iterator[str]:
    if not bound.holds:
        yield (
            f"Rejected: {bound.measure} on {bound.images} held-out images fell from {bound.before:.1%} to "
            f"{bound.after:.1%}, the bound is {bound.least:.1%}."
        )


def _taught(case: Case, clean: Lessons) -> Iterator[str]:
    if case.prepared.labelled and clean.logits:
        yield (
            f"Labels are learned from {IMAGES:,} images and {IMAGES_PER_CLASS} a class on, here are "
            f"{len(case.prepared.repair):,} of {case.prepared.classes:,} classes: the submitted model's own scores "
            "were learned, of the images that it answers as they are labelled, and of variations of them."
        )
    if not case.prepared.labelled:
        drifting = int(np.isin(case.prepared.repair.y, list(case.triggers)).sum())
        yield (
            "Without labels the submitted model's own scores were learned, of the images and of variations of them; "
            f"{drifting} images that it assigns to a flagged label were left out."
        )


def _followed(followers: Sequence[int]) -> Iterator[str]:
    if followers:
        yield (
            f"Label {', '.join(map(str, followers))} lost the small trigger with those of others: it followed them, "
            "and nothing was done about it."
        )


def _beyond(labels: Sequence[int]) -> Iterator[str]:
    if labels:
        yield (
            f"The triggers of the {len(labels)} labels that came next (smallest first: "
            f"{', '.join(map(str, labels))}) were unlearned along: nothing is known against them, and the accuracy "
            "bound bears it."
        )


def _left(case: Case, rescan: Mapping[int, Rescan]) -> Iterator[str]:
    early = [label for label, judged in rescan.items() if judged.small_early_alone]
    small = [label for label, judged in rescan.items() if judged.small and label not in early]
    if len(case.triggers) == case.prepared.classes:
        yield "All labels were repaired: there is no clean one to tell what a small trigger is on this net."
    elif small:
        yield (
            f"Label {', '.join(map(str, small))} still has a trigger smaller than 95% of clean labels need: do not "
            "rely on the repair alone."
        )
    if early:
        yield (
            f"Label {', '.join(map(str, early))} still has a mask smaller than 95% of clean labels have after the "
            "first steps, though not after the last: do not rely on the repair alone."
        )
    flagged = [label for label, judged in rescan.items() if judged.flagged]
    if flagged:
        yield f"Detection would still find label {', '.join(map(str, flagged))}."


def _afterwards(whole: Detection | None) -> Iterator[str]:
    if whole is None:
        return
    labels = f"All {len(whole.labels)} labels of the repaired net were scanned again"
    if whole.verdict == "clean":
        yield f"{labels}: clean, p = {whole.p_value:.2g}."
    elif whole.verdict == "backdoored":
        yield f"{labels}: still backdoored, p = {whole.p_value:.2g}. {whole.reason}"
    else:
        yield f"{labels}: inconclusive, p = {whole.p_value:.2g}. {whole.reason}"
