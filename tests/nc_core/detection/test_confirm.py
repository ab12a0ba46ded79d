"""Which of a label's inversions stands for it."""

import pytest

from nc_core.detection import middle


@pytest.mark.parametrize(
    ("norms", "index"),
    [([8.0], 0), ([3.0, 9.0, 5.0], 2), ([3.0, None, 5.0], 2), ([3.0, None, None], 1), ([4.0, 4.0, 4.0], 1)],
)
def test_the_middle_norm_stands_for_the_label(norms: list[float | None], index: int) -> None:
    assert middle(norms) == index


def test_an_even_number_has_no_middle() -> None:
    with pytest.raises(ValueError, match="2 norms"):
        middle([1.0, 2.0])
