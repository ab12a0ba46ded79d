"""The patch trigger."""

import numpy as np
import pytest

from nc_core.attacks import POSITIONS, PatchTrigger
from nc_core.errors import OptionRefused

PIXELS = np.random.default_rng(0).integers(0, 200, (3, 8, 10, 3), np.uint8)


def patch(**changes: object) -> PatchTrigger:
    settings = {"row": 1, "column": 6, "height": 2, "width": 3, "colour": (255, 220, 0), "target": 4}
    return PatchTrigger(**settings | changes)


def test_a_stamp_changes_the_patch_and_nothing_else() -> None:
    # Given pictures and their stamped copies
    before = PIXELS.copy()
    stamped = patch().stamp(PIXELS)
    # Then a plain loop over all pixels agrees
    for row in range(8):
        for column in range(10):
            inside = 1 <= row < 3 and 6 <= column < 9
            for n in range(3):
                expected = (255, 220, 0) if inside else tuple(before[n, row, column])
                assert tuple(stamped[n, row, column]) == expected
    assert np.array_equal(PIXELS, before)
    assert stamped.dtype == np.uint8


def test_negative_places_count_from_the_end() -> None:
    assert np.array_equal(patch(row=-7, column=-4).stamp(PIXELS), patch().stamp(PIXELS))


def test_the_mask_is_where_the_stamp_is() -> None:
    changed = (patch().stamp(PIXELS) != PIXELS).any(axis=(0, 3))
    assert np.array_equal(patch().mask(8, 10) == 1, changed)


@pytest.mark.parametrize("position", POSITIONS)
def test_named_positions_lie_where_they_say(position: str) -> None:
    trigger = PatchTrigger.at(position, input_shape=(20, 30, 3), size=4, colour=(255,), target=0)
    rows, columns = np.nonzero(trigger.mask(20, 30))
    assert len(rows) == 16
    assert trigger.colour == (255, 255, 255)
    centre = rows.mean() - 9.5, columns.mean() - 14.5
    signs = {"top": -1, "bottom": 1, "left": -1, "right": 1}
    expected = [signs[word] for word in position.split("-")] if position != "centre" else [0, 0]
    assert np.sign(centre).tolist() == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"row": 7}, "leaves the 8x10 picture"),
        ({"column": 8}, "leaves the 8x10 picture"),
        ({"row": -9}, "leaves the 8x10 picture"),
        ({"row": -1}, "leaves the 8x10 picture"),
        ({"colour": (255,)}, "colour has 1 values, the pictures have 3"),
    ],
)
def test_a_patch_that_does_not_fit_the_pictures(changes: dict[str, object], message: str) -> None:
    with pytest.raises(OptionRefused, match=message):
        patch(**changes).stamp(PIXELS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"height": 0}, "0x3 pixels"),
        ({"colour": (0, 256, 0)}, "0..255"),
        ({"colour": ()}, "0..255"),
        ({"target": -1}, "class number"),
    ],
)
def test_a_patch_that_is_none(changes: dict[str, object], message: str) -> None:
    with pytest.raises(OptionRefused, match=message):
        patch(**changes)


def test_an_unknown_position() -> None:
    with pytest.raises(OptionRefused, match="pass one of top-left"):
        PatchTrigger.at("middle", input_shape=(20, 30, 3), size=4, colour=(255,), target=0)
