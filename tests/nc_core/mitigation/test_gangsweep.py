"""GangSweep as a repair: what generators make on the net as it stands is what is learned."""

from collections.abc import Callable

import numpy as np
import pytest

from nc_core.errors import Cancelled
from nc_core.inversion import Profile
from nc_core.mitigation import METHODS, Case
from nc_core.mitigation.gangsweep import MASKS, masks_of
from nc_core.mitigation.loop import Bench
from nc_core.profiles.proportional import ProportionalControl


@pytest.fixture
def long_enough() -> Profile:
    control = ProportionalControl(patience=8, attack_rate=0.9)
    return Profile(name="short", batch=16, updates_per_step=8, max_steps=25, gate_threshold=0.9, control=control)


def test_the_masks_are_of_each_image_and_of_the_flagged_label(case: Callable[..., Case], long_enough: Profile) -> None:
    # Given a net that knows nothing yet, so that a label is easy to reach
    bench = Bench(case(profile=long_enough))
    # When a generator sweeps its flagged label
    found = masks_of(bench, seed=0)
    # Then there is a mask for each of several images, and they send their images to the label
    assert {target for target, _ in found} == {2}
    assert len(found) == MASKS
    assert not np.array_equal(found[0].trigger.mask, found[1].trigger.mask)
    others = bench.case.prepared.fit.x[bench.case.prepared.fit.y != 2][:MASKS]
    stamped = np.concatenate([one.trigger.stamp(others[n : n + 1]) for n, one in enumerate(found)])
    assert (bench.predict(stamped).argmax(axis=1) == 2).mean() >= 0.7
    # And the same seed makes the same masks
    again = masks_of(bench, seed=0)
    np.testing.assert_array_equal(again[3].trigger.mask, found[3].trigger.mask)


def test_it_repairs_in_rounds_as_the_others_do(case: Callable[..., Case], long_enough: Profile) -> None:
    told: list[float] = []
    given = case(profile=long_enough)
    repair = METHODS["gangsweep"](given, progress=lambda share, _: told.append(share))
    assert repair.method == "gangsweep"
    assert repair.rounds >= 1
    assert repair.changed
    assert repair.accuracy_after > repair.accuracy_before
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_it_stops_when_asked(case: Callable[..., Case]) -> None:
    with pytest.raises(Cancelled):
        METHODS["gangsweep"](case(), should_stop=lambda: True)
