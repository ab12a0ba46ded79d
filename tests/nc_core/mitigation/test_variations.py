"""Variations of clean images: of the same range, and no more than memory allows."""

from collections.abc import Callable

import numpy as np
import pytest

from nc_core.mitigation import variations
from nc_core.mitigation.variations import varied
from nc_core.prepared import Part


def test_variations_are_mirrored_shifted_and_blended_images_of_the_same_range(part: Callable[..., Part]) -> None:
    x = part(1, 20).x
    made = varied(x, seed=4)
    assert made.shape == (200, 8, 8, 1)
    np.testing.assert_array_equal(made[:20], x)
    np.testing.assert_array_equal(made[20:40], x[:, :, ::-1])
    np.testing.assert_array_equal(made[40:60, 1:, 1:], x[:, :-1, :-1])
    assert x.min() <= made.min() <= made.max() <= x.max()
    np.testing.assert_array_equal(made, varied(x, seed=4))
    assert not np.array_equal(made, varied(x, seed=5))


def test_there_are_only_as_many_variations_as_memory_allows(
    part: Callable[..., Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = part(1, 20).x
    for most, times in ((x.size // 2, 1), (3 * x.size, 3)):
        monkeypatch.setattr(variations, "MOST_FLOATS", most)
        assert len(varied(x, seed=0)) == times * 20
