"""Scans of a zoo judged anew: by their labels alone."""

from dataclasses import replace
from typing import Any

from nc_core.detection import LabelNorm, detect
from nc_core.zoo.judging import judged_anew, labels_of
from tests.evidence import CONVERGED


def result(infected: float) -> dict[str, Any]:
    labels = [
        LabelNorm(
            label=label,
            state="done",
            norm=infected if label == 3 else 40.0 + label,
            attack_success_rate=1.0,
            evidence=replace(CONVERGED, transferability=0.1, few_norm=20.0),
        )
        for label in range(12)
    ]
    found = detect(labels, classes=12, pixels=1024).to_json()
    rows = [
        {
            "label": label.label,
            "state": label.state,
            "norm": label.norm,
            "attack_success_rate": label.attack_success_rate,
            "reference": True,
            "reason": None,
            "evidence": label.evidence.to_json() if label.evidence else None,
        }
        for label in labels
    ]
    return {**found, "labels": rows, "model": {"classes": 12, "input_shape": [32, 32, 3]}}


def test_the_labels_alone_decide() -> None:
    # Given a result whose recorded verdict is not that of its labels
    infected = {**result(2.0), "verdict": "clean", "flagged_labels": [], "p_value": 1.0}
    found = judged_anew(infected)
    assert (found["verdict"], found["flagged_labels"]) == ("backdoored", [3])
    assert found["p_value"] < 0.05
    assert found["labels"] == infected["labels"]
    assert judged_anew(result(40.0))["verdict"] == "clean"
    assert [label.label for label in labels_of(infected)] == list(range(12))


def test_what_was_refused_stays_so() -> None:
    assert judged_anew({"verdict": None, "reason": "too few"}) == {"verdict": None, "reason": "too few"}
