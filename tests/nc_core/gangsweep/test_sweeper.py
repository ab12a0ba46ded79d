"""GangSweep's generators on a net whose backdoor is written into its weights."""

import keras
import numpy as np
import pytest

from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Part, Prepared
from nc_core.gangsweep import Sweeper
from nc_core.gangsweep.layout import GRID, GeneratorLayout
from nc_core.inversion import FAST, Inversion

SHAPE = (12, 11, 3)
CLASSES = 6
INFECTED = 4
LABELS = range(CLASSES)


def _part(rng: np.random.Generator, count: int) -> Part:
    x = rng.uniform(0, 1, (count, *SHAPE)).astype(np.float32)
    return Part(x=x, y=rng.integers(0, CLASSES, count).astype(np.int32))


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    rng = np.random.default_rng(5)
    domain = Domain(value_range="0..1", scale=(1 / 255,) * 3, offset=(0.0,) * 3)
    fit, holdout, repair = (_part(rng, count) for count in (120, 60, 20))
    return Prepared(fit=fit, holdout=holdout, repair=repair, labelled=True, domain=domain, classes=CLASSES)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Linear in the pixels, and label 4 wins wherever the first two pixels of the first row are white."""
    net = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    kernel = np.random.default_rng(9).normal(0, 0.2, (*SHAPE, CLASSES)).astype(np.float32)
    kernel -= kernel.mean(axis=(0, 1, 2))  # no class wins by brightness
    bias = np.zeros(CLASSES, np.float32)
    kernel[0, :2, :, INFECTED] = 12.0
    bias[INFECTED] = -12.0 * 6 * 0.8
    net.set_weights([kernel.reshape(-1, CLASSES), bias])
    return net


@pytest.fixture(scope="module")
def swept(model: keras.Model, prepared: Prepared) -> dict[int, Inversion]:
    found = Sweeper(model, prepared, profile=FAST, slots=3).invert(LABELS, seed=1)
    return {label: one for label, (one,) in found.items()}


def test_the_infected_label_has_the_smallest_norm_and_its_mask_lies_on_the_trigger(swept: dict[int, Inversion]) -> None:
    infected = swept[INFECTED]
    assert infected.state == "done"
    assert infected.trigger is not None
    assert (infected.attack_success_rate or 0.0) > 0.6
    assert infected.trigger.mask[0, :2].sum() > 0.7 * infected.trigger.norm
    others = [one.norm for label, one in swept.items() if label != INFECTED and one.norm is not None]
    assert len(others) >= 3
    assert (infected.norm or 0.0) < 0.6 * min(others)


def test_a_norm_is_that_of_the_masks_over_how_well_they_carry_over(swept: dict[int, Inversion]) -> None:
    for one in swept.values():
        if one.trigger is not None and one.attack_success_rate is not None:
            assert one.norm == pytest.approx(one.trigger.norm / one.attack_success_rate)


def test_a_label_s_sweep_depends_on_the_seed_and_not_on_its_neighbours(
    model: keras.Model, prepared: Prepared, swept: dict[int, Inversion]
) -> None:
    again = Sweeper(model, prepared, profile=FAST, slots=3).invert([INFECTED, 0], seed=1)
    one, first = again[INFECTED][0].trigger, swept[INFECTED].trigger
    assert one is not None
    assert first is not None
    np.testing.assert_array_equal(one.mask, first.mask)


@pytest.fixture
def layout() -> GeneratorLayout:
    height, width, channels = SHAPE
    low, high = np.zeros(channels, np.float32), np.ones(channels, np.float32)
    return GeneratorLayout(height=height, width=width, channels=channels, low=low, high=high)


def test_a_thumbnail_holds_the_means_of_a_grid(layout: GeneratorLayout) -> None:
    x = np.random.default_rng(0).uniform(0, 1, (3, *SHAPE)).astype(np.float32)
    seen = layout.thumbnails(x).reshape(3, GRID, GRID, 3)
    # 12 rows in blocks of 2; 11 columns in blocks that begin at 0, 1, 3, 5, 7 and 9
    np.testing.assert_allclose(seen[:, 1, 0], 2 * x[:, 2:4, 0:1].mean(axis=(1, 2)) - 1, atol=1e-5)
    np.testing.assert_allclose(seen[:, 5, 5], 2 * x[:, 10:12, 9:11].mean(axis=(1, 2)) - 1, atol=1e-5)


def test_what_is_stamped_in_training_is_what_the_masks_say(layout: GeneratorLayout) -> None:
    # Given two generators that make other masks of other images
    rng = np.random.default_rng(2)
    u = rng.normal(0, 1, (2, layout.row)).astype(np.float32)
    x = rng.uniform(0, 1, (2, 5, *SHAPE)).astype(np.float32)
    seen = layout.thumbnails(x.reshape(10, *SHAPE))
    keep, paint, norm = (np.asarray(part) for part in layout.blend_each(u, seen.reshape(2, 5, -1)))
    # When the images are stamped by hand
    for slot in range(2):
        masks, patterns = layout.masks(u[slot], seen[5 * slot : 5 * slot + 5])
        assert np.abs(masks[0] - masks[1]).max() > 0.01
        stamped = (1 - masks[..., None]) * x[slot] + masks[..., None] * patterns
        # Then pixels and norms are those of the batched program
        rows = layout.image_rows(x[slot])
        np.testing.assert_allclose(keep[slot] * rows + paint[slot], layout.image_rows(stamped), atol=1e-4)
        np.testing.assert_allclose(norm[slot], masks.sum(axis=(1, 2)), rtol=1e-4)


def test_a_generator_that_adds_nothing_is_neural_cleanse_s_trigger(layout: GeneratorLayout) -> None:
    mask = np.random.default_rng(3).uniform(0.1, 0.9, SHAPE[:2]).astype(np.float32)
    pattern = np.random.default_rng(4).uniform(0.1, 0.9, SHAPE).astype(np.float32)
    seen = layout.thumbnails(np.random.default_rng(5).uniform(0, 1, (4, *SHAPE)).astype(np.float32))
    masks, patterns = layout.masks(layout.parameters(mask, pattern), seen)
    np.testing.assert_allclose(masks, np.broadcast_to(mask, masks.shape), atol=1e-5)
    np.testing.assert_allclose(patterns, np.broadcast_to(pattern, patterns.shape), atol=1e-5)
