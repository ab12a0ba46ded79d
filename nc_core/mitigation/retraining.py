"""Retraining with known poison: N + 1 classes, the poisoned images as class N.

Where samples of the attack are known, the net is taught to name it: it gets one output more, and is fine-tuned on clean
images and, as class N, on half of the poison. The other half is not learned from, so that it can tell what the net
makes of poison that it has not seen. The GoodNet is the net without that output, the guarded net keeps it.

The guarded net is what the method is good for: on the sunglasses BadNet, taught with 50 of its pictures, it calls all
of the 50 others, and 1 of 100 clean faces. A GoodNet that may not say so gives all of them the attack's target as
before.
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
from nc_core.mitigation.lessons import Lessons, TargetTrigger
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.repair import Progress, Repair
from nc_core.mitigation.widening import narrowed, widened
from nc_core.models import build_logits, with_weights

POISON_SHARE = 0.2
"""Poisoned images in an epoch, as a share of the clean ones: few are shown several times. The paper's share of stamped
images (Wang et al. 2019, section VI-C)."""


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
        known: Sequence[TargetTrigger],  # noqa: ARG002, the poison itself is known
        *,
        seed: int,
        progress: Callable[[float], None],
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """As in `Patch`: trains the wider net and brings what it learned into the bench's."""
        model = build_logits(self.net)
        tuning = tuning_for(bench.lessons)
        lessons = with_poison(bench.lessons, self._poison)
        fine_tune(model, lessons, [], tuning=tuning, seed=seed, progress=progress, should_stop=should_stop)
        self.net = with_weights(self.net, model)
        bench.model.set_weights(build_logits(narrowed(self.net)).get_weights())
        return True


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
