"""A look at a repaired net: small beside what, and when all labels are scanned."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from nc_core.detection import LabelNorm
from nc_core.inversion import Inversion, Trigger
from nc_core.mitigation import Case, Scanner, Whole
from nc_core.mitigation.rescan import SPREAD, Rescanner, clean_quantile
from nc_core.models import build_logits
from tests.nc_core.mitigation.conftest import verdict_on


def test_the_quantile_is_the_least_norm_that_a_twentieth_of_the_labels_reach() -> None:
    assert clean_quantile([float(norm) for norm in range(1, 21)]) == 1.0
    assert clean_quantile([float(norm) for norm in range(1, 22)]) == 2.0
    assert clean_quantile([7.0] * 2 + [math.inf] * 18) == 7.0
    assert clean_quantile([math.inf] * 3) == math.inf
    assert clean_quantile([]) is None


@pytest.mark.parametrize("labels", [2, 3, 5, 10, 18])
def test_a_clean_label_lies_below_the_quantile_of_few_others_about_once_in_twenty(labels: int) -> None:
    # Given the norms of many clean nets, as far apart as those of the zoo are
    norms = np.random.default_rng(labels).lognormal(4.0, SPREAD, (20_000, labels))
    # When the last label of each is held against the others
    below = [last < (clean_quantile(others) or 0.0) for *others, last in norms.tolist()]
    # Then it is small at about the stated rate, and would be below the least of them at another
    assert 0.03 < np.mean(below) < 0.07
    assert np.mean(norms[:, -1] < norms[:, :-1].min(axis=1)) == pytest.approx(1 / labels, abs=0.02)


def test_the_quantile_of_few_norms_is_none_of_labels_that_did_not_converge() -> None:
    assert clean_quantile([50.0, math.inf, math.inf]) == clean_quantile([50.0])
    assert (clean_quantile([5.0, 100.0]) or 0.0) <= 5.0


def test_what_is_small_is_judged_beside_clean_labels_of_the_repaired_net(
    case: Callable[..., Case], whole: Scanner
) -> None:
    # Given a detection that finds nothing among the norms of the scan
    judged: list[LabelNorm] = []

    def still_flagged(fresh: LabelNorm) -> bool:
        judged.append(fresh)
        return False

    given = case(still_flagged=still_flagged)
    rescanner = Rescanner(given, build_logits(given.canonical))
    told: list[float] = []
    # When the net is looked at, and all of it is scanned
    found = rescanner.settle(rescanner.look(seed=3, progress=told.append), seed=3)
    # Then label 2 was inverted three times, and each norm judged as detection would
    rescan = found.rescan[2]
    assert [(fresh.label, fresh.norm) for fresh in judged] == [(2, norm) for norm in rescan.norms]
    assert not rescan.flagged
    assert len(found.triggers) == sum(norm is not None for norm in rescan.norms)
    # And it is small where one of them is below the quantile of the labels of this net that are above suspicion
    scan = whole(rescanner._model, seed=3)
    aside = {2, *scan.detection.to_repair}
    clean = [one.norm for label, one in scan.inversions.items() if label not in aside]
    quantile = clean_quantile([math.inf if norm is None else norm for norm in clean])
    assert quantile is not None
    assert rescan.clean_quantile == (quantile if math.isfinite(quantile) else None)
    assert rescan.small is any(norm is not None and norm < quantile for norm in rescan.norms)
    assert found.whole is not None
    assert told == sorted(told)
    assert np.max(told) <= 1.0


@pytest.mark.parametrize("detected", [True, False])
def test_without_a_clean_label_what_detection_would_find_is_small(
    case: Callable[..., Case], trigger: Trigger, detected: bool
) -> None:
    given = case(triggers=dict.fromkeys(range(4), trigger), still_flagged=lambda _: detected)
    rescanner = Rescanner(given, build_logits(given.canonical))
    found = rescanner.settle(rescanner.look(seed=3), seed=3)
    assert found.small == (tuple(range(4)) if detected else ())
    assert {rescan.clean_quantile for rescan in found.rescan.values()} == {None}


class Scans:
    """Scans of all labels that flag these, each label reached by the trigger."""

    def __init__(self, trigger: Trigger, *flagged: int) -> None:
        self.seeds: list[int] = []
        self._trigger, self._flagged = trigger, flagged

    def __call__(self, _: keras.Model, *, seed: int, **_how: Any) -> Whole:
        self.seeds.append(seed)
        one = Inversion(
            label=0,
            state="done",
            trigger=self._trigger,
            attack_success_rate=1.0,
            updates=1,
            gradient_images=1,
            seconds=0.0,
        )
        inversions = {label: replace(one, label=label) for label in range(4)}
        return Whole(detection=verdict_on(*self._flagged), inversions=inversions, reference=frozenset(range(4)))


def test_a_label_that_stands_out_once_others_are_repaired_is_under_repair_from_then_on(
    case: Callable[..., Case], trigger: Trigger
) -> None:
    # Given a net of which label 2 is repaired, and whose scan flags label 0
    given = case(whole=Scans(trigger, 0))
    rescanner = Rescanner(given, build_logits(given.canonical))
    found = rescanner.settle(rescanner.look(seed=1), seed=1)
    # Then label 0 has a small trigger, which the next round can take away
    assert found.rescan[0].small
    assert found.rescan[0].flagged
    assert [one.target for one in found.triggers if one.target == 0] == [0]
    # And is inverted from three starts with label 2 the next time
    again = rescanner.look(seed=2)
    assert set(again.rescan) == {0, 2}
    assert len(again.rescan[0].norms) == 3


def test_a_label_that_merely_leaves_the_verdict_open_is_no_reason_for_another_round(
    case: Callable[..., Case], trigger: Trigger
) -> None:
    scans = Scans(trigger)
    given = case(whole=lambda *how, **more: left_open(scans(*how, **more), 0))
    rescanner = Rescanner(given, build_logits(given.canonical))
    found = rescanner.settle(rescanner.look(seed=1), seed=1)
    assert found.whole is not None
    assert (found.whole.verdict, found.whole.suspects) == ("inconclusive", (0,))
    assert set(found.rescan) == {2}


def left_open(whole: Whole, label: int) -> Whole:
    return replace(whole, detection=replace(whole.detection, verdict="inconclusive", suspects=(label,)))


@pytest.mark.parametrize(("own", "labels", "small"), [(70.0, 12, True), (99.0, 12, False), (70.0, 9, False)])
def test_what_is_left_of_a_large_trigger_shows_in_the_early_mask(
    case: Callable[..., Case], trigger: Trigger, own: float, labels: int, small: bool
) -> None:
    """Below all but a twentieth of the clean labels' after the first steps; not asked beside fewer than ten."""
    scans, norms = Scans(trigger), [100.0 + label for label in range(labels)]

    def early(*how: Any, **more: Any) -> Whole:
        whole = scans(*how, **more)
        one = whole.inversions[0]
        masks = {label: replace(one, label=label, screened_norm=norm) for label, norm in enumerate(norms)}
        return replace(whole, inversions={**masks, 2: replace(one, label=2, screened_norm=own)})

    given = case(whole=early, still_flagged=lambda _: False)
    rescanner = Rescanner(given, build_logits(given.canonical))
    found = rescanner.settle(replace(rescanner.look(seed=1), triggers=()), seed=1)
    assert all(norm is None or norm >= (found.rescan[2].clean_quantile or 0.0) for norm in found.rescan[2].norms)
    assert (found.rescan[2].small, found.rescan[2].small_early_alone) == (small, small)
    if labels > 10:
        quantile = clean_quantile([norm for norm in norms if norm != 102.0])
        assert (found.rescan[2].early_norm, found.rescan[2].early_quantile) == (own, quantile)
