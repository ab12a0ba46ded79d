"""Writes the clean scans that come with Cleanse (`nc_core.detection.library`) from those of a zoo.

python -m nc_core.zoo.library DIR [--out FILE] [--join | --add KIND]

Clean nets of every third but the held-out one, which is there to judge what comes of it. With --join the scans of the
library stay, and those of a zoo of another seed come to them; what the library has of that zoo is replaced. With --add
they stay as they are, and those that were made before there was this kind of evidence get it from the same nets.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nc_core.detection
from nc_core.detection import UNCALIBRATED, statistics_of
from nc_core.detection.judge import judge
from nc_core.detection.library import NullScan
from nc_core.detection.partial import partial_z
from nc_core.inversion import FAST, Inverter
from nc_core.inversion.partial import partial_triggers
from nc_core.inversion.transfer import transferabilities
from nc_core.zoo.card import NET, RESULT, read_card
from nc_core.zoo.folder import NETS, PLAN, nets
from nc_core.zoo.judging import labels_of
from nc_core.zoo.scanning import prepare_net

ALPHA = 0.05
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


def joined(there: Mapping[str, Any], zoo: Path, made: Mapping[str, str]) -> dict[str, Any]:
    """A library with the scans of one more zoo: `made` says how, by the seed of its plan."""
    seed = seed_of(zoo)
    new = [{**scan, "seed": seed} for scan in null_scans(zoo)]
    kept = [scan for scan in there["scans"] if scan.get("seed", 0) != seed]
    scans = [*kept, *with_least(new, zoo, beside=kept)]
    return {**there, "joined": {**there.get("joined", {}), str(seed): dict(made)}, "scans": scans}


def with_least(
    scans: Sequence[Mapping[str, Any]], zoo: Path, *, beside: Sequence[Mapping[str, Any]] = ()
) -> Iterator[dict[str, Any]]:
    """The clean scans of a zoo, each with the least p-value of its tests by the laws of all others."""
    everyone = [NullScan(**{**scan, "least": None}) for scan in (*beside, *scans)]
    for scan, own in zip(scans, everyone[len(beside) :], strict=True):
        result = json.loads((zoo / NETS / scan["name"] / RESULT).read_text("utf-8"))
        height, width, _ = result["model"]["input_shape"]
        found = judge(
            labels_of(result),
            classes=scan["classes"],
            pixels=height * width,
            alpha=ALPHA,
            calibration=UNCALIBRATED,
            clean=[other for other in everyone if other is not own],
        )
        yield dict(scan) if found.least is None else {**scan, "least": round(found.least, 6)}


def seed_of(zoo: Path) -> int:
    """Of a zoo's plan; two zoos of one seed have the same nets."""
    return int(json.loads((zoo / PLAN).read_text("utf-8"))["seed"])


def with_kind(kind: str, zoo: Path, scans: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The scans of a library, each whose net is in the zoo with this kind of evidence."""
    seed = seed_of(zoo)
    for scan in scans:
        folder, statistic = zoo / NETS / scan["name"], None
        if scan.get("seed", 0) == seed and (folder / NET).is_file():
            preparation = prepare_net(folder, seed=0)
            statistic = ADDED[kind](preparation.inverter(preparation.data(), FAST.name), scan["classes"])
        more = {} if statistic is None else {kind: round(statistic, 4)}
        yield {**scan, "statistics": {**scan["statistics"], **more}}


def _any_target(inverter: Inverter, _: int) -> float | None:
    away = inverter.any_targets(seed=0)
    return away.share if away is not None and away.tells else None


def _partial(inverter: Inverter, classes: int) -> float | None:
    carried = transferabilities(inverter.transfer, range(classes), seed=0)
    few = {label: one.best for label, one in carried.items() if one is not None and one.best is not None}
    found = partial_triggers(inverter.partials, few, seed=0)
    standing = partial_z({label: one.norm for label, one in found.items()}, reference=range(classes))
    return max(standing.values(), default=None)


ADDED: dict[str, Callable[[Inverter, int], float | None]] = {"any-target": _any_target, "partial": _partial}
"""Kinds of evidence that need nothing else of a scan."""


def main() -> int:
    """Write the file; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nc_core.zoo.library")
    parser.add_argument("zoo", type=Path)
    parser.add_argument("--out", type=Path, default=LIBRARY)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--join", action="store_true")
    how.add_argument("--add", choices=sorted(ADDED))
    given = parser.parse_args()
    options = f" --add {given.add}" if given.add else " --join" if given.join else ""
    made = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"python -m nc_core.zoo.library{options}",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
    }
    there = json.loads(given.out.read_text("utf-8")) if options else {}
    if given.join:
        told = joined(there, given.zoo, made)
    elif given.add:
        added = {**there.get("added", {}), given.add: made}
        told = {**there, "added": added, "scans": list(with_kind(given.add, given.zoo, there["scans"]))}
    else:
        told = {"made": made, "scans": null_scans(given.zoo)}
    given.out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    print(f"{len(told['scans'])} clean scans -> {given.out.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
