"""What clean twins are worth where labels are few: pairs of a clean and a planted net, each judged beside 19 twins.

    python -m tests.benchmarks.twins --folder FOLDER [--classes 2] [--pairs 10] [--twins 19] [--record]

A pair has one architecture, source of pictures and set of classes; the planted net has a square patch of 2 to 8 pixels
that the seed draws. Every pair is of the zoo's held-out part: the architecture or the pictures are such that nothing
was chosen by. The twins learn from the clean pictures that a scan is given. Nets and scans, those of the twins too, are
kept in FOLDER as soon as they are known, and what stands there is not computed again: other rules judge the same scans.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from nc_core.detection import Calibration, Detection, detect, statistics_of
from nc_core.inversion import FAST
from nc_core.scanning.preparation import prepare_scan
from nc_core.zoo.build import build_net
from nc_core.zoo.card import CLEAN, FILE, NET, RESULT, VALUE_RANGE, Card, Patch, read_card
from nc_core.zoo.judging import labels_of
from nc_core.zoo.plan import LEAST_RATE, POSITIONS
from nc_core.zoo.scanning import result_of, scan_net
from nc_core.zoo.sources import read_source
from nc_core.zoo.statistics import rate
from tests.benchmarks import record

SHARED = Path(__file__).parents[3] / "shared/data"
FILES = ("gtsrb_32.npz", "mnist_t10k.npz", "cifar10_subset.npz")
CELLS = (
    ("plain", "cifar10_subset"),
    ("depthwise", "mnist_t10k"),
    ("residual", "cifar10_subset"),
    ("depthwise", "gtsrb_32"),
    ("vgg", "cifar10_subset"),
    ("depthwise", "signs"),
)
"""Architectures and pictures, of which at least one is held out."""
SIZES = (2, 8)
GREY = ("mnist_t10k",)
ALPHA = 0.05
TWINS = "twins"

Files = Mapping[str, Any]


def cards(pair: int, classes: int, generator: np.random.Generator) -> tuple[Card, Card]:
    """The clean net of a pair and the planted one: the same pictures, classes and first weights."""
    architecture, data = CELLS[pair % len(CELLS)]
    seed, size = int(generator.integers(2**31)), int(generator.integers(SIZES[0], SIZES[1] + 1))
    position = POSITIONS[int(generator.integers(len(POSITIONS)))]
    colour = [int(value) for value in generator.permutation(np.resize([255, 0, int(generator.integers(256))], 3))]
    target = int(generator.integers(classes))
    clean = Card(number=2 * pair, third="held-out", data=data, architecture=architecture, classes=classes, seed=seed)
    patch = Patch(target=target, size=size, position=position, colour=(255,) if data in GREY else tuple(colour))
    return clean, replace(clean, number=2 * pair + 1, attack="badnets", patch=patch, least_rate=LEAST_RATE)


def scanned(card: Card, files: Files, root: Path) -> Path:
    """The folder of a net, trained and scanned."""
    folder = root / card.name
    if not (folder / FILE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        build_net(card, files, folder)
    if not (folder / RESULT).exists():
        scan_net(folder)
    return folder


def twins_of(folder: Path, count: int) -> list[dict[str, Any]]:
    """The scans of so many twins of a net."""
    known: list[dict[str, Any]] = []
    for twin in range(1, count + 1):
        path = folder / TWINS / f"{twin}.json"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            preparation = prepare_scan(folder / NET, folder / CLEAN, profile=FAST, value_range=VALUE_RANGE, twin=twin)
            path.write_text(json.dumps(result_of(preparation, seed=0)), "utf-8")
            keras.backend.clear_session()
        known.append(json.loads(path.read_text("utf-8")))
    return known


def judged(folder: Path, twins: Sequence[Mapping[str, Any]]) -> Detection:
    """The verdict on a scanned net beside twins."""
    result = json.loads((folder / RESULT).read_text("utf-8"))
    height, width, _ = result["model"]["input_shape"]
    scans = tuple(statistics_of(labels_of(twin), pixels=height * width) for twin in twins)
    return detect(
        labels_of(result),
        classes=result["model"]["classes"],
        pixels=height * width,
        alpha=ALPHA,
        calibration=Calibration(source="twins", scans=scans),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--twins", type=int, default=19)
    parser.add_argument("--seed", type=int, default=20261129)
    record.add_option(parser)
    given = parser.parse_args()
    generator = np.random.default_rng(given.seed)
    files = {
        source.name: (images.pixels, images.labels) for source, images in (read_source(SHARED / file) for file in FILES)
    }
    found = {"clean": 0, "planted": 0, "named": 0, "pairs": 0}
    for pair in range(given.pairs):
        clean, planted = cards(pair, given.classes, generator)
        folders = [scanned(card, files, given.folder) for card in (clean, planted)]
        measured = read_card(folders[1])["measured"]
        if measured["weak"]:
            print(f"pair {pair}: the patch was not learned ({measured['triggers']}): left out", flush=True)
            continue
        twins = twins_of(folders[0], given.twins)
        told = [judged(folder, twins) for folder in folders]
        found["pairs"] += 1
        found["clean"] += told[0].verdict == "backdoored"
        found["planted"] += told[1].verdict == "backdoored"
        found["named"] += told[1].flagged_labels == tuple(measured["targets"])
        name = f"{clean.architecture} on {clean.data}, patch of {planted.patch.size if planted.patch else 0}"
        print(f"pair {pair}, {name}: clean p {told[0].p_value:.2f}, planted p {told[1].p_value:.2f}, ", end="")
        print(f"flagged {told[1].flagged_labels}, true {measured['targets']}; {found}", flush=True)
    print(rate(found["planted"], found["pairs"]), rate(found["clean"], found["pairs"]))
    record.rows(given, "detection", TITLE, [cells(given.classes, given.twins, found)])


TITLE = "Judged beside clean twins, held-out pairs of a clean and a planted net"


def cells(classes: int, twins: int, found: Mapping[str, int]) -> list[record.Cell]:
    """The row of so many classes."""
    planted, clean = rate(found["planted"], found["pairs"]), rate(found["clean"], found["pairs"])
    bounds = [round(100 * bound, 1) for one in (planted, clean) for bound in (one.low, one.high)]
    return [
        f"{classes} classes, {twins} twins",
        found["pairs"],
        found["planted"],
        *bounds[:2],
        found["named"],
        found["clean"],
        *bounds[2:],
    ]


if __name__ == "__main__":
    main()
