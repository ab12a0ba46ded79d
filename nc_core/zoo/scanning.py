"""Scans the net of a card in this process, and writes what `cleanse run` would say of it beside the card."""

import json
import time
from pathlib import Path
from typing import Any

from nc_core.detection import Detection
from nc_core.errors import InputRefused
from nc_core.inversion import FAST, Inversion
from nc_core.scanning.preparation import Preparation, prepare_scan
from nc_core.scanning.rounds import Plan, plan
from nc_core.scanning.scan import scan_labels
from nc_core.zoo.card import CLEAN, NET, RESULT, VALUE_RANGE, read_card


def scan_net(folder: Path, *, seed: int = 0, alpha: float = 0.05) -> dict[str, Any]:
    """Scan a net with the clean pictures of its folder, as it comes, and write result.json.

    Returns what it holds: the keys of the contract that a score looks at; verdict None where it was refused.
    """
    begun = time.perf_counter()
    try:
        result = result_of(prepare_net(folder, seed=seed), seed=seed, alpha=alpha)
    except InputRefused as error:
        result = {"verdict": None, "state": "refused", "reason": str(error)}
    result["seconds"] = round(time.perf_counter() - begun, 1)
    (folder / RESULT).write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    return result


def result_of(preparation: Preparation, *, seed: int, alpha: float = 0.05) -> dict[str, Any]:
    """Scan a net that was read; what result.json holds of it."""
    rounds = plan(preparation.labels, profile=FAST.name, seed=seed)
    inversions, found = scan_labels(preparation, preparation.data(), rounds, seed=seed, alpha=alpha)
    return {
        **found.to_json(),
        "labels": _rows(inversions, found, rounds),
        "model": {"classes": preparation.canonical.classes, "input_shape": list(preparation.canonical.input_shape)},
        "gradient_images": sum(one.gradient_images for one in inversions.values()),
    }


def prepare_net(folder: Path, *, seed: int) -> Preparation:
    """A zoo's net and the clean pictures that its scan is given, as they come. Raises InputRefused."""
    return prepare_scan(
        folder / NET,
        folder / CLEAN,
        profile=FAST,
        value_range=VALUE_RANGE,
        unlabelled=read_card(folder)["given"] == "foreign",
        seed=seed,
    )


def _rows(inversions: dict[int, Inversion], found: Detection, rounds: Plan) -> list[dict[str, Any]]:
    indices = {index.label: index for index in found.labels}
    return [
        {
            "label": label,
            "state": one.state,
            "norm": one.norm if one.state == "done" else None,
            "anomaly_index": indices[label].anomaly_index,
            "log_z": indices[label].log_z,
            "attack_success_rate": one.attack_success_rate if one.state == "done" else None,
            "reference": label in rounds.reference,
            "updates": one.updates,
            "gradient_images": one.gradient_images,
            "seconds": one.seconds,
            "flagged": indices[label].flagged,
            "reason": one.reason,
            "screened_norm": one.screened_norm,
            "evidence": None if one.evidence is None else one.evidence.to_json(),
        }
        for label, one in sorted(inversions.items())
    ]
