"""Judges the scans of a zoo anew, from what its results say of the labels: rules change, scans stay."""

from collections.abc import Mapping
from typing import Any

from nc_core.detection import Evidence, LabelNorm, detect


def labels_of(result: Mapping[str, Any]) -> list[LabelNorm]:
    """The labels of a result.json, as the detection was told of them."""
    return [
        LabelNorm(
            label=row["label"],
            state=row["state"],
            norm=row["norm"],
            attack_success_rate=row["attack_success_rate"],
            reference=row["reference"],
            evidence=None if row["evidence"] is None else Evidence.from_json(row["evidence"]),
            reason=row["reason"],
            screened_norm=row.get("screened_norm"),  # a scan of an earlier version has none
        )
        for row in result["labels"]
    ]


def judged_anew(result: Mapping[str, Any], *, alpha: float = 0.05) -> dict[str, Any]:
    """The result with the verdict of today's rules on its labels; as it is where it was refused.

    Of several value ranges a result has the labels of one: that one alone is judged.
    """
    if result["verdict"] is None:
        return dict(result)
    height, width, _ = result["model"]["input_shape"]
    found = detect(labels_of(result), classes=result["model"]["classes"], pixels=height * width, alpha=alpha).to_json()
    del found["labels"]
    return {**result, **found}
