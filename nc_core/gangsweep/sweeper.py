"""From labels to sweeps: an `Inverter` that trains generators."""

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np

from nc_core.datasets.prepared import Prepared
from nc_core.gangsweep.layout import GeneratorLayout
from nc_core.gangsweep.program import SweepProgram
from nc_core.inversion import Inversion, Inverter, Profile, Trigger
from nc_core.inversion.slots import Outcome

LEAST_TRANSFER = 0.05
"""Share of held-out images that the common mask must send to the label for the label to have a norm at all."""


class Sweeper(Inverter):
    """Looks for the masks of each label, as `Inverter` does for its trigger; same arguments, same calls.

    An inversion's trigger is the masks' mean, its attack success rate how often that works on held-out images: masks of
    some images on others. Its norm is the mean norm of the masks divided by that rate, the pixels that it takes to send
    one image to the label by the masks of others: low for masks that are small, alike and transferable, which is what
    the paper finds in planted labels. A label whose masks do not carry over is `not_converged`: it has nothing common.
    """

    def _program(self, net: keras.Model, prepared: Prepared, profile: Profile) -> SweepProgram:
        _, height, width, channels = prepared.fit.x.shape
        domain = prepared.domain
        layout = GeneratorLayout(height=height, width=width, channels=channels, low=domain.low, high=domain.high)
        return SweepProgram(net, prepared.fit.x, layout=layout, profile=profile, factor=self._factor)

    def sweep(
        self, label: int, *, seed: int, masks: int, should_stop: Callable[[], bool] | None = None
    ) -> list[Trigger]:
        """The masks that a generator trained for the label makes, each of another image; none where it found none.

        Raises Cancelled when `should_stop` says so.
        """
        ((found,),) = self.invert([label], seed=seed, should_stop=should_stop).values()
        if found.trigger is None:
            return []
        program = self.loop.program
        assert isinstance(program, SweepProgram)
        others = np.flatnonzero(self._prepared.fit.y != label)[:masks]
        return [Trigger(mask=mask, pattern=pattern) for mask, pattern in program.masks(others)]

    def inversion(self, outcome: Outcome) -> Inversion:
        """The outcome as the class says; raises Cancelled for a cancelled one."""
        found = super().inversion(outcome)
        rate, trigger = found.attack_success_rate, found.trigger
        if found.state != "done" or trigger is None or rate is None:
            return found
        if rate < LEAST_TRANSFER:
            evidence = None if found.evidence is None else replace(found.evidence, transfer=rate)
            return replace(found, state="not_converged", trigger=None, attack_success_rate=None, evidence=evidence)
        return replace(found, size=trigger.norm / rate)
