"""FST (Min et al. 2023, "Towards Stable Backdoor Purification through Feature Shift Tuning").

Where few images were poisoned, fine-tuning leaves the features of the backdoor and the head that reads them. Here the
head is drawn anew and trained with the net, away from what it was: its inner product with the submitted head is
penalised, and after every update it is brought back to that head's norm (equation 2). So the features have to shift,
and with them goes what only the old head could read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from nc_core.errors import OptionRefused
from nc_core.mitigation.finetune import Tuning, fine_tune
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.loop import Bench
from tests.benchmarks.triggerless.weights import Taught, as_they_are

TUNING = Tuning(learning_rate=1e-3, stamped_share=0.0, epochs=1, least_updates=300)
"""Of the net with its new head."""


@dataclass(frozen=True, kw_only=True)
class Shift:
    """penalty: on the inner product (alpha of the paper)."""

    penalty: float = 0.1


class FeatureShift:
    """One round; no trigger is looked at."""

    def __init__(self, settings: Shift, taught: Taught = as_they_are) -> None:
        self._settings, self._taught = settings, taught

    def __call__(
        self,
        bench: Bench,
        known: Sequence[TargetTrigger],  # noqa: ARG002, the method looks at none
        *,
        seed: int,
        progress: Callable[[float], None],
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """As in `Patch`."""
        kernel = head_of(bench.model)
        before = ops.convert_to_numpy(kernel)
        norm = float(np.linalg.norm(before))

        def project() -> None:
            now = ops.convert_to_numpy(kernel)
            kernel.assign(now * (norm / max(float(np.linalg.norm(now)), 1e-12)))

        kernel.assign(np.random.default_rng([seed, 0xF57]).normal(size=before.shape).astype(np.float32))
        project()
        kernel.regularizer = lambda now: self._settings.penalty * ops.sum(now * before)
        try:
            fine_tune(
                bench.model,
                self._taught(bench.lessons),
                [],
                seed=seed,
                tuning=TUNING,
                after_update=project,
                progress=progress,
                should_stop=should_stop,
            )
        finally:
            kernel.regularizer = None
        return True


def head_of(model: keras.Model) -> Any:
    """The kernel (features, N) of the net's last layer with weights; OptionRefused where that is no Dense."""
    last = [layer for layer in model.layers if layer.weights][-1]
    if not isinstance(last, keras.layers.Dense):
        raise OptionRefused(
            f"feature shift tuning draws a Dense head anew, and this net ends in {type(last).__name__}: pass another"
        )
    return last.kernel
