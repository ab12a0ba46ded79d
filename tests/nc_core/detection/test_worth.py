"""What a trigger of few images is worth to all, and how far one label leads the others by it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nc_core.detection import LabelNorm, statistics_of
from nc_core.detection.norms import State
from nc_core.detection.price import LEAST_RATE
from nc_core.detection.worth import ahead, worth_of
from tests.evidence import CONVERGED


def label(
    number: int,
    *,
    norm: float = 40.0,
    few: float | None = 20.0,
    rate: float | None = 0.4,
    blind: float = 0.0,
    state: State = "done",
    reference: bool = True,
) -> LabelNorm:
    evidence = replace(CONVERGED, transferability=rate, few_norm=few, blind=blind)
    return LabelNorm(
        label=number,
        state=state,
        norm=norm if state == "done" else None,
        attack_success_rate=0.95,
        evidence=evidence,
        reference=reference,
    )


@pytest.mark.parametrize(
    ("changed", "worth"),
    [
        ({}, 0.4 * 20 / 40),
        ({"few": 60.0, "rate": 0.8}, 0.8),  # few images never need more than all do
        ({"norm": 400.0, "few": 200.0}, 0.4 * 20 / 40),  # ten times the pixels, the same
        ({"rate": 0.0}, LEAST_RATE),
        ({"blind": 0.5}, None),  # the net hides its gradient from few images
        ({"rate": None}, None),
        ({"few": None}, None),
        ({"state": "not_converged"}, None),
    ],
)
def test_a_worth_is_what_carries_over_by_the_share_that_few_need(
    changed: dict[str, float], worth: float | None
) -> None:
    assert worth_of(label(0, **changed)) == (None if worth is None else pytest.approx(worth))  # type: ignore[arg-type]


def test_a_label_leads_the_upper_quartile_of_the_other_reference_labels() -> None:
    rates = [0.1, 0.2, 0.3, 0.15, 0.9, 0.25]
    labels = [label(at, rate=rate, reference=at != 5) for at, rate in enumerate(rates)]
    others = [math.log(rate / 2) for rate in rates[:4]]
    assert ahead(labels)[4] == pytest.approx(math.log(0.45) - np.quantile(others, 0.75))
    # One outside the reference is held against it, and counts for no other
    assert ahead(labels)[5] == pytest.approx(math.log(0.125) - np.quantile([*others, math.log(0.45)], 0.75))
    assert statistics_of(labels, pixels=1024)["lead"] == max(ahead(labels).values())


@pytest.mark.parametrize("count", [4, 5, 8, 43])
def test_every_lead_is_that_of_a_plain_quantile_without_the_label(count: int) -> None:
    rates = np.random.default_rng(count).uniform(0.1, 1.0, count)
    found = ahead([label(at, rate=float(rate)) for at, rate in enumerate(rates)])
    logs = np.log(rates / 2)
    expected = {at: logs[at] - np.quantile(np.delete(logs, at), 0.75) for at in range(count)}
    assert found == pytest.approx(expected)


def test_beside_fewer_than_three_others_none_leads() -> None:
    assert ahead([label(at) for at in range(3)]) == {}
    assert ahead([*(label(at) for at in range(3)), label(3, rate=None)]) == {}
    assert set(ahead([label(at) for at in range(4)])) == {0, 1, 2, 3}
