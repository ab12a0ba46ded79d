from collections.abc import Callable
from inspect import signature
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nc_core
from nc_core import datasets
from nc_core.class_names import MAX_LABELS
from nc_core.errors import OptionRefused
from nc_core.preflight.ranges import VALUE_RANGES
from nc_core.profiles import PROFILES
from nc_core.scanning import detectors
from nc_core.scanning.scan import scan
from nc_tasks.request.choices import Detector, Resize
from nc_tasks.request.label_ranges import MAX_RANGES, parse_labels
from nc_tasks.request.options import ScanOptions, parse_methods, scan_options


@given(st.sets(st.integers(0, 300), min_size=1))
def test_given_labels_written_one_by_one_then_they_are_read_sorted(labels: set[int]) -> None:
    assert parse_labels(",".join(map(str, labels))) == tuple(sorted(labels))


def test_given_ranges_that_overlap_then_each_label_counts_once() -> None:
    assert parse_labels("5-7, 0,6-9") == (0, 5, 6, 7, 8, 9)


@pytest.mark.parametrize("text", ["", "a", "3-", "-3", "7-5", "1,,2", "0-999999999999", "1-2-3", "²"])
def test_given_text_that_names_no_labels_then_it_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(OptionRefused, match=r"is no (label|range)"):
        parse_labels(text)


def test_given_methods_as_text_then_none_means_no_repair() -> None:
    assert parse_methods("none") == ()
    assert parse_methods("a, b,a") == ("a", "b")


def test_given_nothing_then_the_contract_holds() -> None:
    options = ScanOptions()
    assert (options.profile, options.detector, options.mitigate) == (
        "fast",
        "neural-cleanse",
        ("unlearning",),
    )
    assert (options.value_range, options.labels, options.seed) == ("auto", None, 0)


def test_given_options_when_they_pass_through_json_then_they_are_equal() -> None:
    options = scan_options(labels="3,1-2", mitigate="none", value_range="0..1", slots=4, unlabelled=True)
    assert ScanOptions.model_validate(options.model_dump(mode="json")) == options
    assert (options.labels, options.target_labels) == ("1-3", (1, 2, 3))


@given(st.sets(st.integers(0, 300), min_size=1))
def test_given_labels_one_by_one_then_they_are_kept_as_ranges_that_mean_the_same(labels: set[int]) -> None:
    kept = scan_options(labels=list(labels))
    assert kept.target_labels == tuple(sorted(labels))
    assert scan_options(labels=",".join(map(str, labels))) == kept


def test_given_ever_so_many_labels_then_what_is_kept_is_short() -> None:
    assert scan_options(labels=f"0-{MAX_LABELS - 1}").labels == f"0-{MAX_LABELS - 1}"


@pytest.mark.parametrize(
    ("text", "limit", "actual"),
    [
        (f"0-{MAX_LABELS}", MAX_LABELS, f"0-{MAX_LABELS}"),
        (",".join(map(str, range(0, 2 * MAX_RANGES + 2, 2))), MAX_RANGES, MAX_RANGES + 1),
        ("1" * 5_000, MAX_LABELS, "1" * 80),
    ],
    ids=["labels", "ranges", "digits"],
)
def test_given_more_labels_or_ranges_than_may_be_then_the_line_says_limit_and_actual_value(
    text: str, limit: int, actual: object
) -> None:
    with pytest.raises(OptionRefused) as caught:
        scan_options(labels=text)
    assert str(limit) in str(caught.value)
    assert str(actual) in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("profile", "slow"),
        ("value_range", "0..2"),
        ("slots", 0),
        ("labels", "x"),
        ("labels", []),
        ("labels", [-1]),
        ("labels", [True]),
        ("labels", 7),
        ("mitigate", "magic"),
        ("alpha", 1.0),
        ("seed", -1),
        ("nonsense", 1),
    ],
)
def test_given_a_wrong_value_then_one_line_names_the_option(name: str, value: object) -> None:
    with pytest.raises(OptionRefused) as caught:
        scan_options(**{name: value})
    assert name.replace("_", "-") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_the_science_has_can_be_chosen() -> None:
    for profile in PROFILES:
        assert scan_options(profile=profile).profile == profile
    for value_range in VALUE_RANGES:
        assert scan_options(value_range=value_range).value_range == value_range
    assert get_args(Detector) == get_args(detectors.Detector)
    assert get_args(Resize) == get_args(datasets.Resize)


@pytest.mark.parametrize("of_script", [scan, nc_core.scan], ids=["files", "memory"])
def test_a_scan_in_a_script_has_the_same_defaults(of_script: Callable[..., object]) -> None:
    asked = {name: each.default for name, each in signature(of_script).parameters.items()}
    same = ScanOptions.model_fields.keys() & asked.keys()
    assert {"profile", "detector", "alpha", "value_range", "resize", "labels", "min_accuracy", "slots", "seed"} <= same
    assert {name: asked[name] for name in same} == {name: getattr(ScanOptions(), name) for name in same}


@pytest.mark.parametrize("share", [-0.1, 1.5, "much"])
def test_given_a_least_accuracy_that_is_no_share_then_one_line_names_it(share: object) -> None:
    with pytest.raises(OptionRefused, match=r"^min-accuracy is "):
        scan_options(min_accuracy=share)
