"""All-to-all backdoors: a trigger whose answers say where it sends images, and what follows for the verdict."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from nc_core.detection import Detection, Evidence, LabelNorm, detect
from nc_core.detection.arrays import Moves
from nc_core.detection.calibration import Calibration
from nc_core.detection.class_map import AnyTarget, uncertainty
from nc_core.detection.evidence import ANY_TARGET, statistics_of
from nc_core.detection.library import NullScan
from tests.evidence import CONVERGED

CLASSES = 10
NULL = [
    NullScan(name=f"clean-{at}", classes=CLASSES, statistics={ANY_TARGET: share})
    for at, share in enumerate(np.linspace(0.01, 0.2, 12))
]


@pytest.fixture(autouse=True)
def clean_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clean scans whose answers say at most a fifth."""
    monkeypatch.setattr("nc_core.detection.library.library", lambda: tuple(NULL))


def away(share: float, *, classes: int = CLASSES) -> AnyTarget:
    return AnyTarget(
        norm=3.0,
        attack_success_rate=0.92,
        share=share,
        class_map={label: (label + 1) % classes for label in range(classes)},
        classes=classes,
        gradient_images=100,
    )


def labels(measured: AnyTarget | None, *, classes: int = CLASSES) -> list[LabelNorm]:
    """Clean labels; the first keeps what was measured of the net."""
    evidence = replace(CONVERGED, transferability=0.2, few_norm=20.0)
    kept = [replace(evidence, any_target=measured), *[evidence] * (classes - 1)]
    norms = np.linspace(40.0, 60.0, classes)
    return [
        LabelNorm(label=at, state="done", norm=float(norm), attack_success_rate=0.95, evidence=one)
        for at, (norm, one) in enumerate(zip(norms, kept, strict=True))
    ]


def judged(measured: AnyTarget | None, *, classes: int = CLASSES) -> Detection:
    return detect(labels(measured, classes=classes), classes=classes, pixels=1024)


def entropy(shares: Mapping[object, float]) -> float:
    return -sum(share * math.log(share) for share in shares.values() if share)


def plain(before: list[int], after: list[int]) -> float:
    """(H(a) + H(b) - H(a, b)) / H(a), without what chance gives."""

    def of(values: list[object]) -> float:
        return entropy({value: values.count(value) / len(values) for value in values})

    joint: list[object] = list(zip(before, after, strict=True))
    return (of([*before]) + of([*after]) - of(joint)) / of([*before])


def test_a_map_of_the_classes_holds_all_and_one_target_nothing() -> None:
    before = np.arange(5000) % CLASSES
    assert uncertainty(before, (before + 1) % CLASSES) == 1.0
    assert uncertainty(before, np.full_like(before, 3)) == pytest.approx(0.0, abs=1e-12)
    assert uncertainty(np.full(50, 2), np.arange(50) % 3) == 0.0
    assert uncertainty(before[:0], before[:0]) == 0.0


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_the_share_is_that_of_plain_entropies_less_chance(kept: float) -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(4, size=4000)
    after = np.where(rng.random(4000) < kept, (before + 1) % 4, rng.integers(4, size=4000))
    # With a thousand images a class chance gives next to nothing
    assert uncertainty(before, after) == pytest.approx(plain(before.tolist(), after.tolist()), abs=0.003)


def test_chance_is_taken_off_where_images_are_few() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.integers(43, size=200), rng.integers(43, size=200)
    assert plain(before.tolist(), after.tolist()) > 0.3
    assert uncertainty(before, after) < 0.05


def test_a_map_makes_a_model_backdoored_that_has_no_label_to_flag() -> None:
    found = judged(away(0.93))
    assert (found.verdict, found.flagged_labels) == ("backdoored", ())
    assert found.class_map == {label: (label + 1) % CLASSES for label in range(CLASSES)}
    assert "all-to-all" in found.reason
    assert "0 -> 1, 1 -> 2" in found.reason
    assert found.p_value <= 0.05
    assert sum(found.shares.values()) == pytest.approx(1.0)
    # And it is plain JSON
    told = json.loads(json.dumps(found.to_json()))
    assert told["class_map"]["9"] == 0
    assert [one["label"] for one in told["evidence"] if one["name"] == "any-target"] == [None]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
def test_a_share_as_clean_nets_have_it_says_nothing(share: float) -> None:
    found = judged(away(share))
    assert (found.verdict, found.class_map) == ("clean", None)
    assert found.p_value > 0.1


def test_nothing_is_asked_of_few_classes_or_of_more_than_clean_scans_have() -> None:
    for classes in (4, 50):
        found = judged(away(1.0, classes=classes), classes=classes)
        assert found.class_map is None
        assert "any-target" not in found.shares
    assert "any-target" not in judged(None).shares


def test_beside_clean_scans_of_its_own_a_map_is_the_models_and_no_labels() -> None:
    scans = tuple({**statistics_of(labels(away(0.01 * at)), pixels=1024)} for at in range(19))
    beside = Calibration(source="baseline", scans=scans)
    found = detect(labels(away(0.9)), classes=CLASSES, pixels=1024, calibration=beside)
    assert (found.verdict, found.flagged_labels, found.p_value) == ("backdoored", (), 0.05)
    assert found.class_map is not None


def test_evidence_survives_its_way_through_the_store() -> None:
    moves = Moves(mask=np.zeros((2, 2)), pattern=np.zeros((2, 2, 1)), counts=np.eye(CLASSES, dtype=np.int32))
    evidence = replace(CONVERGED, any_target=replace(away(0.7), moves=moves))  # arrays are kept elsewhere
    assert Evidence.from_json(json.loads(json.dumps(evidence.to_json()))) == evidence
    assert Evidence.from_json(json.loads(json.dumps(CONVERGED.to_json()))) == CONVERGED
