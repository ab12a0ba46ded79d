"""Writes the clean scans that come with Cleanse (`nc_core.detection.library`) from those of a zoo.

python -m nc_core.zoo.library DIR [--out FILE]

Clean nets of every third but the held-out one, which is there to judge what comes of it.
"""

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nc_core.detection
from nc_core.detection import statistics_of
from nc_core.zoo.card import RESULT, read_card
from nc_core.zoo.folder import nets
from nc_core.zoo.judging import labels_of

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


def main() -> int:
    """Write the file; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nc_core.zoo.library")
    parser.add_argument("zoo", type=Path)
    parser.add_argument("--out", type=Path, default=LIBRARY)
    given = parser.parse_args()
    scans = null_scans(given.zoo)
    told = {
        "made": {
            "date": datetime.now(UTC).date().isoformat(),
            "command": "python -m nc_core.zoo.library",
            "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        },
        "scans": scans,
    }
    given.out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    print(f"{len(scans)} clean scans -> {given.out.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
