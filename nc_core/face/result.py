"""A scan in this process in the form of result.json, as the service gives it from its rows."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from nc_core.detection import LabelIndex
from nc_core.face.inputs import Origin
from nc_core.inversion import Inversion
from nc_core.models.versions import library_versions
from nc_core.results.names import ELSEWHERE, sentence_named
from nc_core.scanning.in_process import norms_of
from nc_core.scanning.scan import Scan

SCHEMA = 1


def result_of(
    scan: Scan,
    *,
    model: Origin,
    data: Origin,
    options: Mapping[str, Any],
    rounds: Mapping[int, int],
    seconds: tuple[float, float],
) -> dict[str, Any]:
    """The keys of the contract, in plain types; `submission` there is none. seconds: in all, and of the inversions."""
    preparation, found = scan.preparation, scan.detection.to_json()
    preflight, canonical = preparation.to_json(), preparation.canonical
    elsewhere = {name: preflight.pop(name) for name in ELSEWHERE}
    number, names = found.pop("range"), elsewhere["class_names"]
    of_range = {name: value for name, value in preflight["ranges"][number].items() if name != "score"}
    result = {
        "schema": SCHEMA,
        "state": "done",
        **found,
        "reason": sentence_named(found["reason"], names),
        "rules": [sentence_named(rule, names) for rule in found["rules"]],
        "class_names": names,
        "followers": [],
        "ranges": [{name: value for name, value in one.items() if name != "labels"} for one in found["ranges"]],
        "judged_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "labels": labels_of(scan, rounds),
        "preflight": {**preflight, **of_range, "range": number},
        "mitigation": None,
        "model": {
            "name": model.name,
            "sha256": model.sha256,
            "scanned_sha256": None,
            "classes": canonical.classes,
            "input_shape": canonical.input_shape,
            "parameters": canonical.parameters,
        },
        "data": {"name": data.name, "sha256": data.sha256, "class_order": elsewhere["class_order"]},
        "timing": {
            "total_seconds": seconds[0],
            "inversion_seconds": seconds[1],
            "gradient_images": sum(one.gradient_images for one in scan.inversions.values()),
        },
        "versions": {"cleanse": _own_version(), **library_versions()},
        "options": dict(options),
        "seed": scan.seed,
        "profile": options["profile"],
        "slots": preparation.slots,
    }
    plain: dict[str, Any] = json.loads(json.dumps(result))
    return plain


def labels_of(scan: Scan, rounds: Mapping[int, int]) -> list[dict[str, Any]]:
    """The labels of the value range that the verdict rests on. rounds: label -> its last round."""
    indices = {index.label: index for index in scan.detection.labels}
    doubts = {one.label: one.doubt for one in norms_of(scan.inversions, scan.plan)}
    first, names = scan.plan.first_round(scan.detection.range), scan.preparation.numbering.names
    return [
        {
            **_row(one, indices[label]),
            "name": names[label] if names else None,
            "round": rounds.get(label, first),
            "reference": label in scan.plan.reference,
            "reason": one.reason or doubts[label],
        }
        for label, one in sorted(scan.inversions.items())
    ]


def _row(one: Inversion, index: LabelIndex) -> dict[str, Any]:
    done = one.state == "done"
    return {
        "label": one.label,
        "state": one.state,
        "norm": one.norm if done else None,
        "norms": _norms(one) if done else None,
        "anomaly_index": index.anomaly_index,
        "log_z": index.log_z,
        "rules": index.rules,
        "flagged": index.flagged,
        "follower": False,
        "attack_success_rate": one.attack_success_rate if done else None,
        "screened_norm": one.screened_norm,
        "updates": one.updates,
        "seconds": one.seconds,
        "outcome": index.outcome,
        "evidence": None if one.evidence is None else one.evidence.to_json(),
    }


def _norms(one: Inversion) -> list[float | None]:
    """Of every start."""
    starts = () if one.evidence is None else one.evidence.starts
    return [norm for norm, _ in starts] or [one.norm]


def _own_version() -> str:
    try:
        return version("cleanse")
    except PackageNotFoundError:
        return "source"
