"""What follows a round: who goes on, who is confirmed, and when the verdict is next."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from nc_core.detection import LabelNorm
from nc_core.scanning.conductor import Round, first_round, next_step
from nc_core.scanning.rounds import Plan, plan
from tests.evidence import CONVERGED

PIXELS, CLASSES = 1024, 43
CLEAN = {label: 60.0 + label for label in range(CLASSES)}


def outcomes(norms: Mapping[int, float | None], **more: Any) -> list[LabelNorm]:
    given = {"state": "done", "attack_success_rate": 1.0, "reference": True, "evidence": CONVERGED, **more}
    return [LabelNorm(label=label, norm=norm, **given) for label, norm in norms.items()]


def step(
    rounds: Plan, done: Round, labels: Sequence[LabelNorm], *, confirmed: Sequence[int] = (), spent: bool = False
) -> Round | None:
    masks = {one.label: one.norm for one in labels if one.label in done.labels and one.norm is not None}
    return next_step(
        rounds,
        done.number,
        labels,
        masks=masks,
        confirmed=confirmed,
        classes=len(rounds.labels),
        pixels=PIXELS,
        alpha=0.05,
        spent=spent,
    )


@pytest.fixture
def few() -> Plan:
    """All labels are inverted at once, in one range."""
    return plan(range(CLASSES), profile="fast", seed=0)


def test_a_scan_begins_with_all_labels_in_each_range() -> None:
    rounds = plan(range(5), profile="fast", seed=0, ranges=2)
    assert first_round(rounds) == Round(number=0, labels=(0, 1, 2, 3, 4))
    assert first_round(rounds, range=1).number == rounds.first_round(1) > 0


def test_of_a_screened_round_its_own_labels_alone_may_go_on() -> None:
    # Given two rounds of screening, and labels that the first left behind with the smallest masks of all
    rounds = plan(range(1283), profile="fast", seed=0)
    assert rounds.screenings >= 2
    first = step(rounds, first_round(rounds), outcomes(dict.fromkeys(range(1283), 9.0), state="screened_out"))
    assert first is not None
    gone = [label for label in range(1283) if label not in first.labels]
    norms = {label: 1.0 if label in gone else 9.0 for label in range(1283)}
    # When the second has ended
    second = step(rounds, first, outcomes(norms, state="screened_out"))
    # Then none of them comes back, and the reference goes on
    assert second is not None
    assert second.number == 2
    assert not {*gone} & {*second.labels}
    assert rounds.reference <= {*second.labels}


def test_where_every_label_fails_in_the_screening_the_verdict_is_next() -> None:
    rounds = plan(range(1283), profile="fast", seed=0)
    failed = outcomes(dict.fromkeys(range(1283)), state="failed", attack_success_rate=None)
    assert step(rounds, first_round(rounds), failed) is None


def test_the_smallest_are_confirmed_once_and_then_the_verdict_is_next(few: Plan) -> None:
    first = step(few, first_round(few), outcomes(CLEAN))
    assert first == Round(number=1, labels=(0, 1, 2))
    assert step(few, first, outcomes(CLEAN), confirmed=first.labels) is None


def test_what_a_confirmation_brings_to_light_is_confirmed_as_well(few: Plan) -> None:
    planted = {**CLEAN, 17: 6.0}
    again = step(few, Round(number=1, labels=(0, 1)), outcomes(planted), confirmed=(0, 1))
    assert again == Round(number=2, labels=(17,))


def test_where_time_is_used_up_nothing_is_confirmed_but_a_backdoor(few: Plan) -> None:
    assert step(few, first_round(few), outcomes(CLEAN), spent=True) is None
    found = step(few, first_round(few), outcomes({**CLEAN, 17: 6.0}), spent=True)
    assert found == Round(number=1, labels=(17,))


def test_the_next_range_begins_where_one_has_ended() -> None:
    rounds = plan(range(CLASSES), profile="fast", seed=0, ranges=2)
    confirmed = Round(number=1, labels=(0, 1, 2))
    following = step(rounds, confirmed, outcomes(CLEAN), confirmed=confirmed.labels)
    assert following == first_round(rounds, range=1)
    last = Round(number=rounds.first_round(1) + 1, labels=(0, 1, 2))
    assert step(rounds, last, outcomes(CLEAN), confirmed=last.labels) is None
