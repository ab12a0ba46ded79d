"""Retraining with known poison: N + 1 classes, the poisoned images as class N.

Where samples of the attack are known, a net of N + 1 outputs is taught to name it: it is fine-tuned on clean images
and, as class N, on half of the poison. That is the guarded net. The GoodNet has N outputs, cannot say so, and unlearns
the attack instead: of the same poison it learns what the submitted net answers once the attack's target is taken out of
its scores, and the reversed triggers are unlearned along. The other half of the poison is not learned from, so that it
can tell what both nets make of poison that they have not seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from nc_core.errors import OptionRefused
from nc_core.intake import CanonicalModel
from nc_core.inversion import Predictor
from nc_core.mitigation.case import Case
from nc_core.mitigation.finetune import fine_tune, tuning_for
from nc_core.mitigation.lessons import Lessons, TargetTrigger, softmax
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.repair import Progress, Repair
from nc_core.mitigation.widening import widened
from nc_core.models import build_logits, with_weights

POISON_SHARE = 0.2
"""Poisoned images in an epoch, as a share of the clean ones: few are shown several times. The paper's share of stamped
images (Wang et al. 2019, section VI-C)."""
TARGET_SHARE = 0.2
"""Answers to at least so much of the poison are its targets."""


def retrain(case: Case, *, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None) -> Repair:
    """Teach the net to name known poison; arguments, result and errors as in `RepairMethod`.

    Raises OptionRefused without poison, of which there must be two images at least.
    """
    if case.poison is None or len(case.poison) < 2:
        raise OptionRefused("retraining learns from half of the poisoned images: pass at least 2 with --poisoned")
    learned = half_of(len(case.poison), case.seed)
    retraining = _Retraining(case.canonical, case.poison[learned])
    repair = close_loop(
        case, retraining, method="retraining", doing="retraining", most=1, progress=progress, should_stop=should_stop
    )
    told = f"Learned from {len(learned)} of {len(case.poison)} poisoned images; the others alone are measured."
    return replace(
        repair,
        guarded=retraining.net,
        poison_learned=tuple(map(int, learned)),
        notes=(*repair.notes, told),
    )


def half_of(images: int, seed: int) -> npt.NDArray[np.int64]:
    """The rows, in order, that are learned from: half of them, drawn from the seed."""
    return np.sort(np.random.default_rng([seed, 0x901]).permutation(images)[: images // 2])


class _Retraining:
    """One round; `net` is the net with N + 1 outputs as it was trained last."""

    def __init__(self, canonical: CanonicalModel, poison: npt.NDArray[np.float32]) -> None:
        # What is poisoned reaches its target now: from there it is the shortest way to a class of its own.
        target = int(np.bincount(Predictor(build_logits(canonical))(poison).argmax(axis=1)).argmax())
        self.net, self._poison = widened(canonical, like=target), poison

    def __call__(
        self,
        bench: Bench,
        known: Sequence[TargetTrigger],
        *,
        seed: int,
        progress: Callable[[float], None],
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """As in `Patch`: trains the wider net, and the bench's."""
        model, tuning = build_logits(self.net), tuning_for(bench.lessons)
        lessons = with_poison(bench.lessons, self._poison)
        fine_tune(
            model, lessons, [], tuning=tuning, seed=seed, progress=lambda d: progress(d / 2), should_stop=should_stop
        )
        self.net = with_weights(self.net, model)
        cured = with_cured(bench.lessons, self._poison, bench.predict(self._poison))
        fine_tune(
            bench.model,
            cured,
            known,
            tuning=tuning,
            seed=seed,
            progress=lambda d: progress(0.5 + d / 2),
            should_stop=should_stop,
        )
        return True


def with_cured(clean: Lessons, poison: npt.NDArray[np.float32], scores: npt.NDArray[np.float32]) -> Lessons:
    """The clean lessons and the poisoned images, with what they would be answered if their target were not there.

    scores: (n, N) logits of the submitted net for the poison. The attack's targets are the answers that a fifth of the
    poison or more gets; of an image that gets one of them its logit falls to the least of the image's, and an image
    that gets none keeps its scores. The poison is repeated to its share.
    """
    answers = scores.argmax(axis=1)
    counts = np.bincount(answers, minlength=scores.shape[1])
    aimed_at = np.flatnonzero(counts >= TARGET_SHARE * len(answers))
    without = np.array(scores, np.float32)
    rows = np.flatnonzero(np.isin(answers, aimed_at))
    without[rows, answers[rows]] = without[rows].min(axis=1)
    target = without if clean.logits else softmax(without)
    shown = np.arange(max(len(poison), round(POISON_SHARE * len(clean)))) % len(poison)
    return replace(
        clean,
        x=np.concatenate([clean.x, poison[shown]]),
        y=np.concatenate([clean.y, target[shown].argmax(axis=1).astype(np.int32)]),
        target=np.concatenate([clean.target, target[shown]]),
    )


def with_poison(clean: Lessons, poison: npt.NDArray[np.float32]) -> Lessons:
    """The clean lessons with a class more, which the poisoned images have; these are repeated to their share."""
    classes = clean.target.shape[1]
    count = max(len(poison), round(POISON_SHARE * len(clean)))
    targets = np.zeros((len(clean) + count, classes + 1), np.float32)
    targets[: len(clean), :classes] = clean.probabilities
    targets[len(clean) :, classes] = 1.0
    return Lessons(
        x=np.concatenate([clean.x, poison[np.arange(count) % len(poison)]]),
        y=np.concatenate([clean.y, np.full(count, classes, np.int32)]),
        target=targets,
    )
