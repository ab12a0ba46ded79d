"""Which labels go on from round to round."""

import numpy as np
import pytest

from nc_core.scanning.rounds import CANDIDATES, REFERENCE, SCREENED_FROM, Plan, plan, range_of, within_range


@pytest.fixture(scope="module")
def many() -> Plan:
    return plan(range(1283), profile="fast", seed=0)


def norms_of(labels: tuple[int, ...], seed: int = 0) -> dict[int, float]:
    values = np.exp(np.random.default_rng(seed).normal(5.0, 0.3, 1283))
    return {label: float(values[label]) for label in labels}


def test_few_labels_are_all_inverted_and_all_reference() -> None:
    few = plan(range(SCREENED_FROM - 1), profile="fast", seed=0)
    assert (few.screenings, few.profile_of(0), few.reference) == (0, "fast", frozenset(range(SCREENED_FROM - 1)))
    assert [few.purpose(number) for number in range(3)] == ["inversion", "confirmation", "confirmation"]


@pytest.mark.parametrize("profile", ["thorough", "paper"])
def test_only_the_fast_profile_leaves_labels_behind(profile: str) -> None:
    assert plan(range(1283), profile=profile, seed=0).screenings == 0


def test_many_labels_are_halved_twice_a_round_down_to_the_candidates(many: Plan) -> None:
    # Given 1283 labels
    going, counts = many.labels, []
    # When each screening leaves its labels with some norms
    for number in range(many.screenings):
        assert (many.purpose(number), many.profile_of(number)) == ("screening", "screening")
        going = many.after(number, norms_of(going))
        counts.append(len(set(going) - many.reference))
    # Then a quarter goes on, then a quarter of these, then the candidates; the reference goes on besides
    assert many.screenings == 3
    assert counts[-1] <= CANDIDATES < counts[0] <= 321
    assert many.reference <= set(going)
    assert (many.purpose(3), many.profile_of(3), many.purpose(4)) == ("inversion", "patient", "confirmation")
    # And the smallest of all are among them
    by_size = norms_of(many.labels)
    assert set(sorted(by_size, key=lambda label: by_size[label])[:CANDIDATES]) <= set(going)


def test_who_goes_on_depends_on_norms_and_seed_and_not_on_the_order(many: Plan) -> None:
    norms = norms_of(many.labels)
    backwards = dict(reversed(list(norms.items())))
    assert many.after(0, norms) == many.after(0, backwards)
    assert plan(range(1283), profile="fast", seed=0) == many
    assert plan(range(1283), profile="fast", seed=1).reference != many.reference


def test_the_reference_is_drawn_among_the_asked_labels_whatever_their_norms(many: Plan) -> None:
    asked = tuple(range(100, 900, 2))
    some = plan(asked, profile="fast", seed=0)
    assert len(some.reference) == len(many.reference) == REFERENCE
    assert some.reference <= set(asked)


def test_a_label_that_failed_does_not_go_on(many: Plan) -> None:
    norms = norms_of(many.labels)
    lost = min(norms, key=lambda label: norms[label])
    member = min(many.reference)
    del norms[lost], norms[member]
    assert not {lost, member} & set(many.after(0, norms))


def test_the_done_share_rises_to_one_over_all_rounds(many: Plan) -> None:
    shares = [many.share(number, done) for number in range(5) for done in (0.0, 0.5, 1.0)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    # A second confirmation, which nobody could foresee, moves nothing
    assert many.share(5, 0.5) == 1.0


@pytest.mark.parametrize(
    ("labels", "slots", "wanted"), [(10, 8, 2), (43, 8, 4), (43, 2, 2), (1283, 8, 6), (1283, 4, 4)]
)
def test_a_confirmation_has_slots_for_half_of_its_labels(labels: int, slots: int, wanted: int) -> None:
    # Given 1, 3 or 5 labels to be confirmed from two starts each, and a batch of at most so many slots
    rounds = plan(range(labels), profile="fast", seed=0)
    # Then two workers that share them have no empty slots; every other round has all slots
    assert rounds.slots_of(rounds.screenings + 1, slots) == wanted
    assert {rounds.slots_of(number, slots) for number in range(rounds.screenings + 1)} == {slots}


def test_a_second_range_has_the_same_rounds_under_numbers_of_its_own() -> None:
    one, two = plan(range(300), profile="fast", seed=0), plan(range(300), profile="fast", seed=0, ranges=2)
    assert two.reference == one.reference
    for number in range(one.screenings + 3):
        there = two.first_round(1) + number
        assert (range_of(there), within_range(there)) == (1, number)
        assert two.purpose(there) == one.purpose(number)
        assert two.profile_of(there) == one.profile_of(number)
        assert two.carries(there) == one.carries(number)
        assert two.steps(there) == one.steps(number)
        assert two.share(there, 0.5) == pytest.approx((1 + one.share(number, 0.5)) / 2)
    assert two.inversion_round(1) == two.first_round(1) + two.screenings
    norms = dict(enumerate(np.random.default_rng(0).random(300)))
    assert two.after(two.first_round(1), norms) == one.after(0, norms)
