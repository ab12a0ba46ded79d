"""Writes the clean scans that come with Cleanse (`nc_core.detection.library`) from those of a zoo.

python -m nc_core.zoo.library DIR [--out FILE] [--any-target]

Clean nets of every third but the held-out one, which is there to judge what comes of it. With --any-target the scans of
the library stay as they are, and those that were made before there was this kind of evidence get it from the same nets.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nc_core.detection
from nc_core.detection import statistics_of
from nc_core.detection.evidence import ANY_TARGET
from nc_core.inversion import FAST
from nc_core.zoo.card import NET, RESULT, read_card
from nc_core.zoo.folder import NETS, nets
from nc_core.zoo.judging import labels_of
from nc_core.zoo.scanning import prepare_net

LIBRARY = Path(nc_core.detection.__file__).with_name("library.json")


def null_scans(zoo: Path) -> list[dict[str, Any]]:
    """The scans of a zoo's clean nets, as the library holds them, in the order of their numbers."""
    found = []
    for folder in nets(zoo):
        card, path = read_card(folder), folder / RESULT
        if card["attack"] is not None or card["third"] == "held-out" or not path.is_file():
            continue
        result = json.loads(path.read_text("utf-8"))
        if result["verdict"] is not None:
            height, width, _ = result["model"]["input_shape"]
            statistics = statistics_of(labels_of(result), pixels=height * width)
            rounded = {kind: round(value, 4) for kind, value in statistics.items()}
            found.append({"name": card["name"], "classes": card["classes"], "statistics": rounded})
    return found


def with_any_target(zoo: Path, scans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The scans of a library, each whose net is in the zoo with this kind of evidence."""
    return [{**scan, "statistics": {**scan["statistics"], **_any_target(zoo / NETS / scan["name"])}} for scan in scans]


def _any_target(folder: Path) -> dict[str, float]:
    if not (folder / NET).is_file():
        return {}
    preparation = prepare_net(folder, seed=0)
    away = preparation.inverter(preparation.data(), FAST.name).any_targets(seed=0)
    return {ANY_TARGET: round(away.share, 4)} if away is not None and away.tells else {}


def main() -> int:
    """Write the file; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nc_core.zoo.library")
    parser.add_argument("zoo", type=Path)
    parser.add_argument("--out", type=Path, default=LIBRARY)
    parser.add_argument("--any-target", action="store_true")
    given = parser.parse_args()
    made = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"python -m nc_core.zoo.library{' --any-target' if given.any_target else ''}",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
    }
    if given.any_target:
        there = json.loads(given.out.read_text("utf-8"))
        told = {**there, "any_target_made": made, "scans": with_any_target(given.zoo, there["scans"])}
    else:
        told = {"made": made, "scans": null_scans(given.zoo)}
    given.out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    print(f"{len(told['scans'])} clean scans -> {given.out.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
