"""A look at a repaired net: small beside what, and which clean labels are asked."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nc_core.detection import LabelNorm
from nc_core.inversion import Inverter
from nc_core.mitigation import Case
from nc_core.mitigation.rescan import Rescanner, clean_quantile
from nc_core.models import build_logits


def test_the_quantile_is_the_least_norm_that_a_twentieth_of_the_labels_reach() -> None:
    assert clean_quantile([5.0, 3.0, 4.0]) == 3.0
    assert clean_quantile([float(norm) for norm in range(1, 21)]) == 1.0
    assert clean_quantile([float(norm) for norm in range(1, 22)]) == 2.0
    assert clean_quantile([7.0, math.inf, math.inf]) == 7.0
    assert clean_quantile([math.inf] * 3) == math.inf
    assert clean_quantile([]) == -math.inf


@pytest.mark.parametrize(("before", "on_the_repaired_net"), [((1e-3,), True), ((1e6,), False)])
def test_clean_labels_of_the_repaired_net_are_asked_where_those_of_the_submitted_one_settle_nothing(
    case: Callable[..., Case], before: tuple[float, ...], on_the_repaired_net: bool
) -> None:
    # Given clean norms of the scan that are smaller, or larger, than any trigger
    judged: list[LabelNorm] = []

    def still_flagged(fresh: LabelNorm) -> bool:
        judged.append(fresh)
        return True

    given = case(clean_norms=before, still_flagged=still_flagged)
    rescanner = Rescanner(given, build_logits(given.canonical))
    told: list[float] = []
    # When the net is looked at
    found = rescanner.look(seed=3, progress=told.append)
    # Then label 2 was inverted three times, and the middle norm judged as detection would
    rescan = found.rescan[2]
    assert len(rescan.norms) == 3
    assert [(fresh.label, fresh.norm) for fresh in judged] == [(2, rescan.norm)]
    assert rescan.flagged
    assert len(found.triggers) == sum(norm is not None for norm in rescan.norms)
    # And the quantile is of the labels that settle the question
    assert (rescan.clean_quantile != 1e6) is on_the_repaired_net
    if not on_the_repaired_net:
        assert rescan.small is any(norm is not None for norm in rescan.norms)
    assert told == sorted(told)
    assert np.max(told) <= 1.0


def test_a_look_that_settles_nothing_leaves_clean_labels_alone(
    case: Callable[..., Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a look before a round that is made whatever it finds
    asked: list[list[int]] = []
    invert = Inverter.invert

    def watched(self: Inverter, labels: list[int], **how: Any) -> Any:
        asked.append(list(labels))
        return invert(self, labels, **how)

    monkeypatch.setattr(Inverter, "invert", watched)
    given = case()
    rescanner = Rescanner(given, build_logits(given.canonical))
    # Then only the flagged label is inverted; when it is to settle the matter, the others too, the same every time
    rescanner.look(seed=1, settle=False)
    for seed in (2, 3):
        rescanner.look(seed=seed)
    assert asked == [[2], [2], [0, 1, 3], [2], [0, 1, 3]]
