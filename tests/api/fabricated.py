"""Scans that never ran: fabricated norms, judged by the real detection, in the form of result.json."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nc_core.datasets import Images
from nc_core.detection import LabelNorm, detect
from nc_core.results.triggers import TriggerArrays
from nc_tasks.request.options import ScanOptions
from tests.evidence import CONVERGED

SIDE = 32


def fabricate_result(
    *,
    classes: int = 43,
    infected: dict[int, float] | None = None,
    unfinished: int = 0,
    repaired: bool = True,
    poisoned: bool = False,
    followers: Sequence[int] = (),
    model_name: str = "traffic_signs.h5",
    seed: int = 7,
) -> dict[str, Any]:
    """A scan of `classes` labels. infected: label -> norm. unfinished: labels that never converged.

    followers: infected labels whose small trigger went away with the others' in the repair.
    """
    rng = np.random.default_rng(seed)
    norms = np.exp(rng.normal(np.log(36.9), 0.24, classes))
    for label, norm in (infected or {}).items():
        norms[label] = norm
    stuck = [label for label in range(classes) if label not in (infected or {})][:unfinished]
    given = [
        _label_norm(label, float(norms[label]), label in stuck, label in (infected or {})) for label in range(classes)
    ]
    found = detect(given, classes=classes, pixels=SIDE * SIDE).to_json()
    indices = {index["label"]: index for index in found.pop("labels")}
    rows = [_row(label, indices[label.label], label.label in followers, rng) for label in given]
    detected = found["flagged_labels"]
    assert set(followers) <= set(detected)
    return {
        "schema": 1,
        "submission": "0123456789ab",
        "state": "done",
        "judged_at": "2026-03-01T12:00:00+00:00",
        **found,
        "flagged_labels": [label for label in detected if label not in followers],
        "followers": list(followers),
        "labels": rows,
        "preflight": _preflight(),
        "mitigation": _mitigation(detected, followers, poisoned=poisoned) if detected and repaired else None,
        "model": {
            "sha256": "5b" * 32,
            "scanned_sha256": "5c" * 32,
            "name": model_name,
            "classes": classes,
            "input_shape": [SIDE, SIDE, 3],
            "parameters": 667_435,
        },
        "data": {"name": "clean.npz", "sha256": "da" * 32},
        "options": ScanOptions().model_dump(mode="json"),
        "timing": {
            "total_seconds": 81.4,
            "inversion_seconds": 61.7,
            "gradient_images": sum(row["updates"] * 32 for row in rows),
        },
        "versions": {"cleanse": "0.1.0", "keras": "3.15.1", "tensorflow": "2.21.0", "numpy": "2.4.6"},
        "seed": 0,
        "profile": "fast",
        "slots": 8,
    }


Evidenced = Callable[[dict[str, Any]], dict[str, Any]]


def fabricate_evidence(result: dict[str, Any]) -> dict[str, Any]:
    """The result with evidence of all kinds, and with every label's universality."""
    label = result["flagged_labels"][0] if result["flagged_labels"] else 0
    calibrations = [("library", [0.4, 0.9, 1.1, 1.3, 2.2]), ("twins", [0.7]), ("none", [])]
    figures = [("outlier", 6.31, 0.0004, label), ("universality", 4.02, 0.021, label), ("size", 3.2, 0.2, None)]
    evidence = [
        {
            "name": name,
            "statistic": statistic,
            "p_value": p_value,
            "calibration": {"source": source, "scans": len(null)},
            "label": whose,
            "null": null,
        }
        for (name, statistic, p_value, whose), (source, null) in zip(figures, calibrations, strict=True)
    ]
    rows = [
        {**row, "evidence": row["evidence"] and {**row["evidence"], "few_norm": 9.0 if row["flagged"] else row["norm"]}}
        for row in result["labels"]
    ]
    return {**result, "evidence": evidence, "labels": rows}


def fabricate_triggers(result: dict[str, Any], seed: int = 3) -> TriggerArrays:
    """A small block for a flagged label, a soft cloud for the others; norms as stated."""
    rng = np.random.default_rng(seed)
    rows = [row for row in result["labels"] if row["norm"] is not None]
    height, width, channels = result["model"]["input_shape"]
    masks = np.stack([_mask(row, height, width, rng) for row in rows])
    patterns = rng.uniform(0, 1, (len(rows), height, width, channels)).astype(np.float32)
    for index, row in enumerate(rows):
        if row["flagged"]:
            patterns[index] = (1.0, 0.92, 0.05)
    numbers = np.array([row["label"] for row in rows], np.int32)
    return TriggerArrays(labels=numbers, mask=masks, pattern=patterns)


def fabricate_examples(seed: int = 5, count: int = 2) -> Images:
    """Pictures of a disc on a gradient, classes 1 and 2 in turn."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    sky = np.stack([90 + 3 * y, 120 + 2 * y, 190 - y], axis=-1)
    disc = (x - 16) ** 2 + (y - 15) ** 2 < 110
    rim = disc & ((x - 16) ** 2 + (y - 15) ** 2 > 75)
    sky[disc] = (238, 238, 234)
    sky[rim] = (196, 30, 40)
    noisy = np.clip(sky + rng.normal(0, 6, sky.shape), 0, 255).astype(np.uint8)
    pixels = np.stack([noisy, noisy[:, ::-1]] * (count // 2))
    return Images(pixels=pixels, labels=np.array([1, 2] * (count // 2), np.int32))


def _label_norm(label: int, norm: float, stuck: bool, infected: bool) -> LabelNorm:
    if stuck:
        return LabelNorm(label=label, state="not_converged", attack_success_rate=0.41)
    rate = 1.0 if infected else 0.991
    few = (0.9, norm / 2) if infected else (0.1, 20.0)
    evidence = replace(CONVERGED, transferability=few[0], few_norm=few[1])
    return LabelNorm(label=label, state="done", norm=norm, attack_success_rate=rate, evidence=evidence)


def _row(label: LabelNorm, index: dict[str, Any], follower: bool, rng: np.random.Generator) -> dict[str, Any]:
    return {
        **index,
        "flagged": index["flagged"] and not follower,
        "follower": follower,
        "state": label.state,
        "round": 0,
        "norm": label.norm,
        "norms": [label.norm, *((1.25 * label.norm, 0.8 * label.norm) if index["flagged"] and label.norm else ())],
        "attack_success_rate": label.attack_success_rate,
        "evidence": label.evidence.to_json() if label.evidence else None,
        "updates": int(rng.integers(220, 380)),
        "seconds": float(rng.uniform(0.9, 2.2)),
    }


def _preflight() -> dict[str, Any]:
    return {
        "scale": [1 / 255] * 3,
        "offset": [0.0] * 3,
        "value_range": "0..1",
        "ambiguous": False,
        "layout": "x_test, channels last, uint8",
        "clean_accuracy": 0.955,
        "labelled": True,
        "images": 6000,
        "scores": {"0..1": 0.955, "-1..1": 0.602, "0..255": 0.031},
        "warnings": [],
    }


def _mitigation(flagged: list[int], followers: Sequence[int], *, poisoned: bool) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "method": "unlearning",
        "goodnet_sha256": "90" * 32,
        "accuracy_before": 0.955,
        "accuracy_after": 0.974,
        "reversed_attack_success_rate_before": {str(label): 0.998 for label in flagged},
        "reversed_attack_success_rate_after": {str(label): 0.004 for label in flagged},
        "rescan": {str(label): {"norm": 33.4, "norms": [33.4, 35.1, 30.2], "flagged": False} for label in flagged},
        "followers": list(followers),
        "poisoned": None,
        "notes": ["Two rounds of patching; the trigger was reversed anew before the second."],
    }
    if poisoned:
        kept["poisoned"] = {
            "attack_success_rate_before": 0.994,
            "attack_success_rate_after": 0.013,
            "flagged_rate": 0.981,
            "clean_flagged_rate": 0.002,
        }
    return {**kept, "candidates": [kept], "failed": [], "reason": None, "closest": None}


def compared(result: dict[str, Any]) -> dict[str, Any]:
    """The result with a second method, which the rule has not kept."""
    (kept,) = result["mitigation"]["candidates"]
    bound = {"measure": "accuracy", "confidence_cut": None, "images": 500, "before": 0.95, "least": 0.9, "holds": True}
    met = [{"origin": "fine-pruning", "label": 1, "norm": 30.0, "attack_success_rate": 0.021}]
    kept |= {"bound": {**bound, "after": 0.97}, "comparison": {"triggers": met}, "seconds": 12.0}
    kept |= {"recovery_accuracy_before": {"1": 0.01}, "recovery_accuracy_after": {"1": 0.93}}
    kept["changed"] = [{"layer": "dense_1", "weights": 5547, "changed": 602, "relative": 0.318}]
    other = {
        **kept,
        "method": "fine-pruning",
        "bound": {**bound, "after": 0.85, "holds": False},
        "notes": ["Too dear."],
    }
    result["mitigation"] = {**kept, "candidates": [other, kept], "failed": [], "reason": "unlearning is best"}
    return result


def _mask(row: dict[str, Any], height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    mask = np.zeros((height, width), np.float32)
    if row["flagged"]:
        mask[16:19, 16:19] = row["norm"] / 9
        return np.clip(mask, 0, 1)
    mask = rng.random((height, width)).astype(np.float32) ** 6
    return np.clip(mask * row["norm"] / mask.sum(), 0, 1)
