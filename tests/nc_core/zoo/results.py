"""Results of scans, made up."""

from dataclasses import replace
from typing import Any

from nc_core.detection import LabelNorm, detect
from tests.evidence import CONVERGED


def result(infected: float) -> dict[str, Any]:
    """Of 12 labels, all large but label 3, which is as large as is said."""
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
