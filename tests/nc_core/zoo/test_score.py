"""Figures of hand-made scans, and the statistics behind them."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from nc_core.zoo.score import Row, Scan, scan_of, score
from nc_core.zoo.statistics import auroc, rate


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        # Of the tables of Clopper and Pearson, as statistics books print them
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (1, 20, 0.0013, 0.2487),
        (0, 30, 0.0, 0.1157),
        (15, 100, 0.0865, 0.2353),
    ],
)
def test_intervals_are_those_of_the_tables(hits: int, of: int, low: float, high: float) -> None:
    found = rate(hits, of)
    assert found.rate == hits / of
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


@pytest.mark.parametrize(("of", "share"), [(12, 0.05), (40, 0.05), (25, 0.5), (60, 0.97)])
def test_intervals_hold_the_true_share_at_least_as_often_as_they_say(of: int, share: float) -> None:
    hits = np.random.default_rng(1).binomial(of, share, 3000)
    holds = {count: rate(count, of).low <= share <= rate(count, of).high for count in set(hits.tolist())}
    assert np.mean([holds[count] for count in hits.tolist()]) >= 0.94


def test_of_nothing_everything_is_possible() -> None:
    found = rate(0, 0)
    assert (found.rate, found.low, found.high) == (None, 0.0, 1.0)
    with pytest.raises(ValueError, match="3 of 2 is no share"):
        rate(3, 2)


def test_auroc_counts_pairs() -> None:
    assert auroc([0.9, 0.8], [0.1, 0.2, 0.3]) == 1.0
    assert auroc([0.1], [0.9]) == 0.0
    assert auroc([0.5, 0.5], [0.5]) == 0.5
    assert auroc([], [0.5]) is None
    rng = np.random.default_rng(0)
    ones, others = np.round(rng.normal(1, 1, 30), 1), np.round(rng.normal(0, 1, 20), 1)
    # Ranks with ties halved: U = R - n (n + 1) / 2
    both = np.concatenate([ones, others])
    ranks = np.array([(both < value).sum() + (1 + (both == value).sum()) / 2 for value in both])
    wanted = (ranks[:30].sum() - 30 * 31 / 2) / 600
    assert auroc(ones.tolist(), others.tolist()) == pytest.approx(wanted)


def card(**changed: Any) -> dict[str, Any]:
    plain = {
        "name": "n",
        "third": "check",
        "data": "signs",
        "architecture": "vgg",
        "classes": 5,
        "attack": None,
        "measured": {"targets": [], "weak": False},
    }
    return {**plain, **changed}


def planted(
    attack: str = "badnets", targets: tuple[int, ...] = (2,), weak: bool = False, **changed: Any
) -> dict[str, Any]:
    return card(attack=attack, measured={"targets": list(targets), "weak": weak}, **changed)


def result(verdict: str | None, p: float = 0.5, flagged: tuple[int, ...] = (), indices: tuple[float, ...] = ()) -> dict:
    labels = [{"label": label, "anomaly_index": index} for label, index in enumerate(indices)]
    return {"verdict": verdict, "p_value": p, "flagged_labels": list(flagged), "labels": labels}


def row(rows: list[Row], third: str, by: str, value: str) -> Row:
    (found,) = [each for each in rows if (each.third, each.by, each.value) == (third, by, value)]
    return found


SCANS = [
    scan_of(planted(), result("backdoored", 0.001, (2,), (0, 0, 9, 0, 0))),
    scan_of(planted(third="held-out"), result("backdoored", 0.01, (2, 3), (0, 0, 1.5, 0, 0))),
    scan_of(planted("partial", architecture="plain"), result("clean", 0.3, (), (0, 2.5, 0, 0, 0))),
    scan_of(planted("all-to-all", (0, 1)), result("inconclusive", 0.08, (), (0, 1, 0, 0, 0))),
    scan_of(planted("trojan", weak=True), result("clean", 0.9, (), (0, 0, 3, 0, 0))),
    scan_of(card(), result("clean", 0.4, (), (0, 0, 1, 0, 0))),
    scan_of(card(third="held-out", classes=2), result("clean", 0.2, (), (0, 3))),
    scan_of(card(architecture="plain"), result("backdoored", 0.02, (4,), (0, 0, 0, 0, 1.9))),
    scan_of(card(data="mnist"), {"verdict": None, "state": "refused"}),
]


def test_all_nets_of_all_thirds() -> None:
    found = row(score(SCANS), "all", "nets", "all")
    assert (found.planted, found.clean, found.weak, found.refused, found.inconclusive) == (4, 3, 1, 1, 1)
    assert (found.cleanse.found.hits, found.cleanse.found.of) == (2, 4)
    assert (found.cleanse.false_alarms.hits, found.cleanse.false_alarms.of) == (1, 3)
    # Exactly the planted labels: of the second net one too many is flagged
    assert (found.cleanse.exact.hits, found.cleanse.exact.of) == (1, 4)
    # 1 - p of planted .999 .99 .7 .92 against .6 .8 .98 of clean ones
    assert found.cleanse.auroc == pytest.approx((3 + 3 + 1 + 2) / 12)


@pytest.mark.parametrize(("to", "exact"), [((1, 2, 0), 1), ((1, 1, 0), 0)])
def test_an_all_to_all_backdoor_is_named_by_the_classes_that_images_are_sent_to(
    to: tuple[int, ...], exact: int
) -> None:
    told = {**result("backdoored", 0.01), "class_map": {str(label): one for label, one in enumerate(to)}}
    found = row(score([scan_of(planted("all-to-all", (0, 1, 2), classes=3), told)]), "all", "attack", "all-to-all")
    assert (found.cleanse.found.hits, found.cleanse.exact.hits) == (1, exact)


def test_plain_neural_cleanse_of_the_same_scans() -> None:
    plain = row(score(SCANS), "all", "nets", "all").plain
    assert (plain.found.hits, plain.found.of) == (2, 4)
    assert (plain.false_alarms.hits, plain.false_alarms.of) == (1, 3)
    assert plain.exact.hits == 1
    # Largest indices 9, 1.5, 2.5, 1 against 1, 3, 1.9
    assert plain.auroc == pytest.approx((3 + 1 + 2 + 0.5) / 12)


def test_a_universal_trigger_is_one_for_all_classes() -> None:
    found = row(score(SCANS), "all", "nets", "universal triggers")
    assert (found.planted, found.clean) == (3, 3)


def test_thirds_are_apart() -> None:
    rows = score(SCANS)
    found = row(rows, "held-out", "nets", "all")
    assert (found.planted, found.clean) == (1, 1)
    assert found.cleanse.auroc == 1.0
    assert not [each for each in rows if each.third == "choose"]


def test_an_attack_is_held_against_all_clean_nets_and_a_group_against_its_own() -> None:
    rows = score(SCANS)
    assert (row(rows, "all", "attack", "badnets").planted, row(rows, "all", "attack", "badnets").clean) == (2, 3)
    assert (row(rows, "all", "architecture", "plain").planted, row(rows, "all", "architecture", "plain").clean) == (
        1,
        1,
    )
    assert row(rows, "all", "data", "mnist").refused == 1
    assert row(rows, "all", "classes", "2").cleanse.false_alarms.rate == 0.0
    assert row(rows, "all", "classes", "2").cleanse.auroc is None
    assert row(rows, "all", "attack", "trojan").weak == 1


@pytest.mark.parametrize(("shift", "seed"), list(product([0.0, 1.5], [1, 2])))
def test_figures_follow_what_was_drawn(shift: float, seed: int) -> None:
    """Restated on random scans: nets by a threshold on their score."""
    rng = np.random.default_rng(seed)
    scans = []
    for nth in range(120):
        p = float(1 / (1 + np.exp(rng.normal(shift * (nth % 2), 1))))
        kind = planted() if nth % 2 else card()
        scans.append(scan_of(kind, result("backdoored" if p <= 0.2 else "clean", p)))
    found = row(score(scans), "all", "nets", "all").cleanse
    ones = [scan.score for scan in scans if scan.attack]
    others = [scan.score for scan in scans if not scan.attack]
    assert found.found.rate == np.mean([value >= 0.8 for value in ones if value is not None])
    assert found.false_alarms.rate == np.mean([value >= 0.8 for value in others if value is not None])
    assert found.auroc == pytest.approx(
        np.mean([a > b for a in ones for b in others if a is not None and b is not None])
    )


def test_a_scan_without_labels_has_no_index() -> None:
    scan: Scan = scan_of(card(), {"verdict": None, "state": "refused"})
    assert (scan.score, scan.plain_index, scan.flagged) == (None, None, frozenset())
