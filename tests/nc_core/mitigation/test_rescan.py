"""A look at a repaired net: small beside what, and which clean labels are asked."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nc_core.detection import LabelNorm
from nc_core.inversion import Inverter, Trigger
from nc_core.mitigation import Case
from nc_core.mitigation.rescan import Rescanner, clean_quantile
from nc_core.models import build_logits


def test_the_quantile_is_the_least_norm_that_a_twentieth_of_the_labels_reach() -> None:
    assert clean_quantile([5.0, 3.0, 4.0]) == 3.0
    assert clean_quantile([float(norm) for norm in range(1, 21)]) == 1.0
    assert clean_quantile([float(norm) for norm in range(1, 22)]) == 2.0
    assert clean_quantile([7.0, math.inf, math.inf]) == 7.0
    assert clean_quantile([math.inf] * 3) == math.inf
    assert clean_quantile([]) is None


def test_what_is_small_is_judged_beside_clean_labels_of_the_repaired_net(case: Callable[..., Case]) -> None:
    # Given a detection that would find whatever is left
    judged: list[LabelNorm] = []

    def still_flagged(fresh: LabelNorm) -> bool:
        judged.append(fresh)
        return True

    given = case(still_flagged=still_flagged)
    rescanner = Rescanner(given, build_logits(given.canonical))
    told: list[float] = []
    # When the net is looked at
    found = rescanner.look(seed=3, progress=told.append)
    # Then label 2 was inverted three times, and each norm judged as detection would
    rescan = found.rescan[2]
    assert [(fresh.label, fresh.norm) for fresh in judged] == [(2, norm) for norm in rescan.norms]
    assert rescan.flagged
    assert len(found.triggers) == sum(norm is not None for norm in rescan.norms)
    # And it is small where one of them is below the quantile of the other labels of this net
    (clean,) = zip(
        *Inverter(rescanner._model, given.prepared, profile=given.profile, slots=given.slots)
        .invert([0, 1, 3], seed=3)
        .values(),
        strict=True,
    )
    quantile = clean_quantile([math.inf if one.norm is None else one.norm for one in clean])
    assert quantile is not None
    assert rescan.clean_quantile == (quantile if math.isfinite(quantile) else None)
    assert rescan.small is any(norm is not None and norm < quantile for norm in rescan.norms)
    assert told == sorted(told)
    assert np.max(told) <= 1.0


@pytest.mark.parametrize("detected", [True, False])
def test_without_a_clean_label_what_detection_would_find_is_small(
    case: Callable[..., Case], trigger: Trigger, detected: bool
) -> None:
    given = case(triggers=dict.fromkeys(range(4), trigger), still_flagged=lambda _: detected)
    found = Rescanner(given, build_logits(given.canonical)).look(seed=3)
    assert found.settled
    assert found.small == (tuple(range(4)) if detected else ())
    assert {rescan.clean_quantile for rescan in found.rescan.values()} == {None}


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
    # And it can be settled later
    later = rescanner.settle(rescanner.look(seed=2, settle=False), seed=2)
    assert asked[5:] == [[2], [0, 1, 3]]
    assert later.rescan == rescanner.look(seed=2).rescan
