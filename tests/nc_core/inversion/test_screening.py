"""Labels that are looked at in rounds: what a round leaves, and how the next one goes on with it."""

import keras
import numpy as np
import pytest

from nc_core.datasets.prepared import Prepared
from nc_core.inversion import ALL_PROFILES, Begun, Inverter
from nc_core.inversion.layout import Layout
from nc_core.profiles import SCREENING
from nc_core.scanning.rounds import SCREENING_STEPS


def inverter(model: keras.Model, prepared: Prepared, profile: str, slots: int = 2) -> Inverter:
    return Inverter(model, prepared, profile=ALL_PROFILES[profile], slots=slots)


@pytest.fixture(scope="module")
def begun(model: keras.Model, prepared: Prepared) -> dict[int, Begun]:
    """What one round of screening left of every label."""
    found = inverter(model, prepared, "screening").invert(range(7), seed=1)
    return {label: one.begun for label, (one,) in found.items()}


def test_a_screening_ends_after_its_steps_with_the_mask_as_it_stands(model: keras.Model, prepared: Prepared) -> None:
    # When labels are screened, whether or not any mask passes a gate
    found = inverter(model, prepared, "screening").invert(range(7), seed=1)
    for label, (one,) in found.items():
        # Then each took the same work, left a mask, and says nothing about other images
        assert (one.label, one.state, one.attack_success_rate) == (label, "screened_out", None)
        assert one.updates == SCREENING_STEPS * SCREENING.updates_per_step
        assert one.norm is not None
        assert one.cost is not None


def test_the_next_round_goes_on_from_mask_pattern_and_lambda(
    model: keras.Model, prepared: Prepared, begun: dict[int, Begun]
) -> None:
    # Given a label where the first round left it
    second = inverter(model, prepared, "screening", slots=1)
    told: list[float] = []
    job = second.job(3, seed=1, begun=begun[3], round=1, report=lambda seen: told.append(seen.norm))
    second.loop.admit(job)
    # Then lambda is where it was
    (running,) = second.loop._running
    assert running is not None
    assert running.schedule.cost == begun[3].cost
    # And after a step the mask is near the one that was handed on, not near a random one (half of the 143 pixels)
    second.loop.step()
    assert told[0] == pytest.approx(begun[3].trigger.norm, rel=0.2)


def test_a_round_sees_other_images_than_the_one_before(
    model: keras.Model, prepared: Prepared, begun: dict[int, Begun]
) -> None:
    of = inverter(model, prepared, "screening", slots=1)
    first = of.job(3, seed=1, begun=begun[3], round=1).images(48)
    assert np.array_equal(first, of.job(3, seed=1, begun=begun[3], round=1).images(48))
    assert not np.array_equal(first, of.job(3, seed=1, begun=begun[3], round=2).images(48))


def test_a_carried_norm_is_bit_identical_whatever_order_and_neighbours(
    model: keras.Model, prepared: Prepared, begun: dict[int, Begun]
) -> None:
    # Given the second round of all labels, and of two of them in another order
    every = inverter(model, prepared, "screening").invert(range(7), seed=1, begun=begun, round=1)
    some = inverter(model, prepared, "screening").invert([5, 2], seed=1, begun=begun, round=1)
    # Then no bit differs
    for label in (5, 2):
        assert every[label][0].norm == some[label][0].norm
        assert every[label][0].cost == some[label][0].cost


def test_parameters_are_those_of_the_mask_and_the_pattern_that_they_were_taken_from() -> None:
    # Given a mask and a pattern with values at the very ends of their ranges
    rng = np.random.default_rng(0)
    layout = Layout(height=3, width=5, channels=2, low=np.full(2, -1, np.float32), high=np.full(2, 2, np.float32))
    mask, pattern = rng.random((3, 5), np.float32), rng.uniform(-1, 2, (3, 5, 2)).astype(np.float32)
    mask[0, :2], pattern[1, 1] = (0.0, 1.0), (-1.0, 2.0)
    # When they are made parameters and read back
    parameters = layout.parameters(mask, pattern)
    again = layout.mask_and_pattern(parameters)
    # Then they are the same up to a millionth of the range, and finite
    assert np.isfinite(parameters).all()
    np.testing.assert_allclose(again[0], mask, atol=2e-6)
    np.testing.assert_allclose(again[1], pattern, atol=6e-6)
