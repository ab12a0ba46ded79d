"""The small plan that installations are tested with."""

import pytest

from nc_core.errors import OptionRefused
from nc_core.zoo.small import small_plan

CARDS = small_plan(6).cards


def test_the_plan_is_small_and_always_the_same() -> None:
    assert small_plan(6) == small_plan(6)
    assert small_plan(10).cards[:6] == CARDS
    assert {(card.data, card.classes, card.given, card.teaching) for card in CARDS} == {("signs", 10, "own", "full")}
    assert [card.attack for card in CARDS] == [None, "badnets"] * 3
    assert len({card.architecture for card in CARDS}) == 2


@pytest.mark.parametrize("nets", [0, 10_000])
def test_a_number_of_nets_that_there_are_not_is_refused(nets: int) -> None:
    with pytest.raises(OptionRefused, match=rf"{nets} nets were asked for, there are 1 to \d+: pass --nets"):
        small_plan(nets)
