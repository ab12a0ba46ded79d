"""Triggers of the submitted net as they stand early in their optimisation: large ones, which show more of the true one.

The smallest trigger that works is a part of the planted one; with it unlearned, the rest still works. On the way there
masks are several times as large and hold most of what the net answers to. On the face net with three triggers one round
with them left 0, 22 and 16% of the true attacks, without them 1, 20 and 29%; on the real sunglasses BadNet 32% at an
accuracy of .96 on its own people, and 47% at .94.
"""

from collections.abc import Callable
from dataclasses import replace

from nc_core.inversion import ALL_PROFILES, Inverter
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.loop import Bench
from nc_core.profiles.proportional import ProportionalControl

STEPS = (12, 30)
"""After which the optimisation is stopped."""
STARTS = (0, 1, 2)


def rough_triggers(bench: Bench, *, seed: int, should_stop: Callable[[], bool] | None = None) -> list[TargetTrigger]:
    """Of every flagged label of the case, on the bench's net as it stands; none of suspects, of which most are clean:
    what is large and works on a clean net as well costs accuracy. Raises Cancelled when `should_stop` says so.
    """
    case, made = bench.case, []
    flagged = [label for label in case.triggers if label not in case.suspects]
    for steps in STEPS:
        profile = replace(ALL_PROFILES["screening"], max_steps=steps, control=ProportionalControl(patience=steps))
        inverter = Inverter(bench.model, case.prepared, profile=profile, slots=case.slots, compute=case.compute)
        found = inverter.invert(flagged, seed=seed, starts=STARTS, should_stop=should_stop)
        made += [
            TargetTrigger(label, one.trigger)
            for label, several in found.items()
            for one in several
            if one.trigger is not None
        ]
    return made
