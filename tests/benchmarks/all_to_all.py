"""Whether an all-to-all backdoor is told from a clean net: pairs of both, asked where a free trigger sends images.

    python -m tests.benchmarks.all_to_all --folder FOLDER [--classes 10] [--pairs 6] [--record]

A pair has one architecture, source of pictures and set of classes; the planted net has a square patch of 3 to 8 pixels
that sends class y to y + 1. Every pair is of the zoo's held-out part: the architecture or the pictures are such that
nothing was chosen by. Nets are kept in FOLDER. A net is called where its own p-value is at most the part of the error
rate that this evidence has; the rest of a scan is left out.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nc_core.detection.class_map import AnyTarget
from nc_core.detection.evidence import ANY_TARGET
from nc_core.detection.judge import OF_THE_NET
from nc_core.detection.library import law_of
from nc_core.inversion import FAST
from nc_core.zoo.build import build_net
from nc_core.zoo.card import FILE, Card, Patch, read_card
from nc_core.zoo.plan import LEAST_RATE
from nc_core.zoo.scanning import prepare_net
from nc_core.zoo.sources import read_source
from tests.benchmarks import record
from tests.benchmarks.twins import ALPHA, CELLS, FILES, GREY, SHARED

SIZES = (3, 8)
TITLE = "All-to-all backdoors, held-out pairs of a clean and a planted net"


def cards(pair: int, classes: int, generator: np.random.Generator) -> tuple[Card, Card]:
    """The clean net of a pair and the planted one: the same pictures, classes and first weights."""
    architecture, data = CELLS[pair % len(CELLS)]
    seed, size = int(generator.integers(2**31)), int(generator.integers(SIZES[0], SIZES[1] + 1))
    clean = Card(number=2 * pair, third="held-out", data=data, architecture=architecture, classes=classes, seed=seed)
    colour = (255,) if data in GREY else (255, 255, 0)
    patch = Patch(target=0, size=size, position="bottom-right", colour=colour)
    return clean, replace(clean, number=2 * pair + 1, attack="all-to-all", patch=patch, least_rate=LEAST_RATE)


def asked(card: Card, files: Mapping[str, Any], root: Path) -> tuple[dict[str, Any], AnyTarget | None]:
    """What a net is like, trained where it is not there yet, and what its free trigger says."""
    folder = root / card.name
    if not (folder / FILE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        build_net(card, files, folder)
    preparation = prepare_net(folder, seed=0)
    return read_card(folder)["measured"], preparation.inverter(preparation.data(), FAST.name).any_targets(seed=0)


def p_value(away: AnyTarget | None, classes: int) -> float | None:
    """As a scan has it, None where nothing is said."""
    law = law_of(classes=classes, measured={ANY_TARGET}, of=((ANY_TARGET,),))
    if away is None or law is None:
        return None
    return min(1.0, law.p_value(law.score({ANY_TARGET: away.share})) / OF_THE_NET)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=len(CELLS))
    parser.add_argument("--seed", type=int, default=20261130)
    record.add_option(parser)
    given = parser.parse_args()
    generator = np.random.default_rng(given.seed)
    read = [read_source(SHARED / file) for file in FILES]
    files = {source.name: (images.pixels, images.labels) for source, images in read}
    rows = []
    for pair in range(given.pairs):
        for card in cards(pair, given.classes, generator):
            measured, away = asked(card, files, given.folder)
            rates = [one["attack_success_rate"] for one in measured["triggers"]]
            rows.append(cells(card, measured["clean_accuracy"], rates, away, given.classes))
            print(rows[-1], flush=True)
    record.rows(given, "detection", TITLE, rows)


def cells(card: Card, accuracy: float, rates: list[float], away: AnyTarget | None, classes: int) -> list[record.Cell]:
    """The row of one net."""
    p, size = p_value(away, classes), card.patch.size if card.patch else None
    return [
        f"{card.architecture} on {card.data}, {classes} classes",
        "clean" if size is None else f"{size}x{size}",
        round(100 * accuracy, 1),
        round(100 * rates[0], 1) if rates else None,
        None if away is None else round(100 * away.share, 1),
        None if away is None else round(away.norm, 1),
        None if p is None else round(p, 4),
        "yes" if p is not None and p <= ALPHA else "no",
    ]


if __name__ == "__main__":
    main()
