"""The plan follows from seed and data, and keeps its held-out third apart."""

import hashlib
import json
from collections import Counter
from typing import get_args

import numpy as np
import pytest

from nc_core.attack_names import AttackName
from nc_core.attacks import ATTACKS, PatchTrigger
from nc_core.errors import OptionRefused
from nc_core.zoo import Plan, Source, make_plan, plan
from nc_core.zoo.architectures import ARCHITECTURES
from nc_core.zoo.card import Third

FILES = (
    Source(name="gtsrb", classes=43, shape=(32, 32, 3), sha256="a" * 64),
    Source(name="digits", classes=10, shape=(28, 28, 1), sha256="b" * 64),
    Source(name="cifar", classes=10, shape=(32, 32, 3), sha256="c" * 64),
)
NETS = 300
SIXTY = "f2baa393d6c5044f6625b5aca562c7eb292c4ba2045bda6c83ed045017a133fe"
"""SHA-256 of the first sixty cards of seed 7."""


@pytest.fixture(scope="module")
def drawn() -> Plan:
    return make_plan(nets=NETS, seed=7, files=FILES)


def test_the_same_seed_gives_the_same_cards_and_another_others(drawn: Plan) -> None:
    assert make_plan(nets=NETS, seed=7, files=FILES) == drawn
    assert make_plan(nets=NETS, seed=8, files=FILES).cards != drawn.cards


def test_the_plan_of_a_seed_stays_what_it_was() -> None:
    # Zoos are built over days, and their figures say which seed they are of
    cards = [card.to_json() for card in make_plan(nets=60, seed=7, files=FILES).cards]
    assert hashlib.sha256(json.dumps(cards).encode()).hexdigest() == SIXTY


@pytest.mark.parametrize("nets", [1, 2, 7, 60])
def test_a_larger_zoo_begins_with_the_smaller_one(drawn: Plan, nets: int) -> None:
    assert make_plan(nets=nets, seed=7, files=FILES).cards == drawn.cards[:nets]


def test_half_are_clean_and_a_third_each(drawn: Plan) -> None:
    assert Counter(card.attack is None for card in drawn.cards) == {True: NETS // 2, False: NETS // 2}
    assert Counter(card.third for card in drawn.cards) == dict.fromkeys(get_args(Third), NETS // 3)
    assert len({card.name for card in drawn.cards}) == NETS
    assert len({card.seed for card in drawn.cards}) == NETS


def test_the_held_out_third_has_an_architecture_and_data_to_itself(drawn: Plan) -> None:
    assert (drawn.held_out_architecture, drawn.held_out_data) == ("depthwise", "cifar")
    for card in drawn.cards:
        apart = card.architecture == "depthwise" or card.data == "cifar"
        assert apart == (card.third == "held-out")
        if card.third != "held-out":
            assert card.foreign != "cifar"


@pytest.mark.parametrize("third", get_args(Third))
def test_every_third_has_all_attacks_numbers_of_classes_and_conditions(drawn: Plan, third: Third) -> None:
    cards = [card for card in drawn.cards if card.third == third]
    assert {card.attack for card in cards} == {None, *plan.ATTACKS}
    assert {card.classes for card in cards} == {2, 5, 10, 43, 200}
    assert {card.teaching for card in cards} == {"full", "short"}
    assert {card.given for card in cards} == {"own", "few", "foreign"}


def test_clean_nets_are_twins_of_planted_ones(drawn: Plan) -> None:
    def cell(card: plan.Card) -> tuple[object, ...]:
        return card.third, card.architecture, card.data, card.classes, card.teaching, card.given, card.foreign

    for clean, planted in zip(drawn.cards[::2], drawn.cards[1::2], strict=True):
        assert clean.attack is None
        assert planted.attack is not None
        assert cell(clean) == cell(planted)


def test_cards_are_such_as_can_be_built(drawn: Plan) -> None:
    sources = {source.name: source for source in drawn.sources}
    for card in drawn.cards:
        source = sources[card.data]
        assert card.classes <= source.classes
        if card.foreign is not None:
            assert sources[card.foreign].shape == source.shape
        if card.patch is not None:
            patch = card.patch
            trigger = PatchTrigger.at(
                patch.position, input_shape=source.shape, size=patch.size, colour=patch.colour, target=patch.target
            )
            assert trigger.target < card.classes
            trigger.stamp(np.zeros((1, *source.shape), np.uint8))
        if card.attack in plan.THREE_CLASSES:
            assert card.classes >= 3


def test_patches_come_in_all_sizes(drawn: Plan) -> None:
    sizes = {card.patch.size for card in drawn.cards if card.attack == "badnets" and card.patch is not None}
    assert sizes == {2, 3, 4, 6, 8, 10, 12}


def test_the_plan_knows_what_there_is() -> None:
    # It names attacks and architectures without importing them, since they need Keras
    assert get_args(AttackName) == tuple(ATTACKS)
    assert {*plan.ATTACKS, *plan.NOT_PLANNED} == {*ATTACKS}
    assert not {*plan.ATTACKS} & {*plan.NOT_PLANNED}
    assert set(plan.ARCHITECTURES) == set(ARCHITECTURES)


def test_without_files_there_is_a_plan_all_the_same() -> None:
    drawn = make_plan(nets=60, seed=0)
    assert drawn.held_out_data == "sign-pairs"
    assert {card.data for card in drawn.cards} <= {"signs", "sign-pairs"}
    assert not any(card.given == "foreign" for card in drawn.cards)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nets": 0}, "a zoo of 0 nets is none"),
        ({"files": [FILES[0], FILES[0]]}, "two sources are called gtsrb"),
        ({"files": [Source(name="signs", classes=5, shape=(32, 32, 3))]}, "two sources are called signs"),
        ({"files": [Source(name="one", classes=1, shape=(32, 32, 3))]}, "one has one class alone"),
    ],
)
def test_what_cannot_be_planned(changes: dict[str, object], message: str) -> None:
    with pytest.raises(OptionRefused, match=message):
        make_plan(**{"nets": 4, "seed": 0, **changes})
