"""Figures as people read them."""

import pytest

from nc_core.results.numbers import byte_size, count, duration, hundredths, listed, percent, probability, significant


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (None, "–"),
        (0.0, "0.0%"),
        (0.00049, "<0.1%"),
        (0.0005, "0.1%"),
        (0.9741, "97.4%"),
        (0.9996, ">99.9%"),
        (1.0, "100.0%"),
    ],
)
def test_a_rate_near_an_end_does_not_claim_to_be_the_end(rate: float | None, text: str) -> None:
    assert percent(rate) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(8.2149, "8.21"), (36.9, "36.9"), (1204.4, "1,204"), (0.0714, "0.071"), (-4.5, "−4.50")],
)
def test_three_digits_carry_the_value(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("p", "text"), [(0.4213, "0.42"), (0.0421, "0.042"), (3.14e-9, "3.1 × 10⁻⁹"), (1e-15, "< 10⁻¹²")]
)
def test_a_small_probability_has_its_exponent(p: float, text: str) -> None:
    assert probability(p) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (47.6, "48 s"), (59.7, "1 min 0 s"), (192, "3 min 12 s"), (18720, "5 h 12 min")],
)
def test_a_duration_has_the_units_that_matter(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_labels_read_as_a_sentence_and_a_long_list_ends_with_a_count() -> None:
    assert listed([33]) == "33"
    assert listed([3, 7, 9]) == "3, 7 and 9"
    assert listed(list(range(20))) == "0, 1, 2, 3, 4, 5, 6, 7 and 12 more"


def test_one_is_singular() -> None:
    assert [count(1, "label"), count(1283, "label"), count(2, "class", "classes")] == [
        "1 label",
        "1,283 labels",
        "2 classes",
    ]


def test_a_negative_index_has_a_minus_sign() -> None:
    assert hundredths(-0.414) == "−0.41"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (1536, "1.5 KiB"), (2**30, "1 GiB"), (3 * 2**50, "3072 TiB")]
)
def test_a_size_has_the_unit_that_suits_it(size: int, text: str) -> None:
    assert byte_size(size) == text
