"""What an attacker who knows this project has to give up, and what finds him all the same.

    python -m tests.benchmarks.adaptive FOLDER [--cells 0,1] [--attackers "clean;BadNet;strength 1"] [--record]

A cell is an architecture, a source of pictures, ten of its classes, and a patch of 3 to 5 pixels that the seed draws.
Each has a clean net, a plain BadNet with that patch and one net of every strength of `nc_core.attacks.adaptive`, all of
the same pictures and first weights. The clean one is there for its accuracy and is not scanned. Nets and scans are kept
in FOLDER; what stands there is not computed again, and all of it is in the tables. Nothing of the detection was chosen
by these nets, nor anything of the attack after they were scanned.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nc_core.attacks.adaptive import STRENGTHS
from nc_core.zoo.build import build_net
from nc_core.zoo.card import FILE, RESULT, Card, Patch, read_card
from nc_core.zoo.folder import NETS, new_net
from nc_core.zoo.plan import LEAST_RATE
from nc_core.zoo.scanning import scan_net
from nc_core.zoo.sources import read_source
from tests.benchmarks import record
from tests.benchmarks.twins import GREY, SHARED

CLASSES, SIZES = 10, (3, 5)
CELLS = (
    ("plain", "mnist_t10k"),
    ("vgg", "signs"),
    ("residual", "gtsrb_32"),
    ("residual", "mnist_t10k"),
    ("plain", "signs"),
    ("vgg", "gtsrb_32"),
)
CLEAN, BADNET = "clean", "BadNet"
STRENGTH = {f"strength {strength}": strength for strength in STRENGTHS}
ATTACKERS = (CLEAN, BADNET, *STRENGTH)
PLACES = ("top-left", "top-right", "bottom-left", "bottom-right")
EVIDENCE = ("outlier", "together", "universality", "any-target")
NETS_TABLE = "An attacker who knows this project, net by net"
SUMMARY = "What an attacker who knows this project keeps, and what finds him"


def card_of(cell: int, attacker: str, seed: int) -> Card:
    """Cards of one cell differ in the attack alone."""
    architecture, data = CELLS[cell]
    rng = np.random.default_rng([seed, cell])
    colour = tuple(int(value) for value in rng.permutation([255, 0, int(rng.integers(256))]))
    patch = Patch(
        target=int(rng.integers(CLASSES)),
        size=int(rng.integers(SIZES[0], SIZES[1] + 1)),
        position=PLACES[int(rng.integers(len(PLACES)))],
        colour=(255,) if data in GREY else colour,
    )
    attack = None if attacker == CLEAN else "adaptive" if attacker in STRENGTH else "badnets"
    return Card(
        number=len(ATTACKERS) * cell + ATTACKERS.index(attacker),
        third="check",
        data=data,
        architecture=architecture,
        classes=CLASSES,
        seed=int(rng.integers(2**31)),
        attack=attack,
        patch=None if attack is None else patch,
        settings={"strength": STRENGTH[attacker]} if attacker in STRENGTH else {},
        least_rate=None if attack is None else LEAST_RATE,
    )


def measure(card: Card, files: Mapping[str, Any], root: Path) -> None:
    """Train a net, and scan it where it was planted."""
    folder = root / NETS / card.name
    if not (folder / FILE).is_file():
        with new_net(root, card) as made:
            build_net(card, files, made)
    if card.attack is not None and not (folder / RESULT).is_file():
        scan_net(folder)


def known(root: Path, seed: int) -> list[dict[str, Any]]:
    """The rows of all nets that are there."""
    nets = [(who, root / NETS / card_of(cell, who, seed).name) for cell in range(len(CELLS)) for who in ATTACKERS]
    return [row_of(who, net) for who, net in nets if (net / (FILE if who == CLEAN else RESULT)).is_file()]


def row_of(attacker: str, folder: Path) -> dict[str, Any]:
    """What a net is like, and what its scan says."""
    card = read_card(folder)
    measured = card["measured"]
    row = {"net": f"{card['architecture']} on {card['data']}", "attacker": attacker}
    row |= {"accuracy": measured["clean_accuracy"], "targets": measured["targets"]}
    if attacker == CLEAN:
        return row
    result = json.loads((folder / RESULT).read_text("utf-8"))
    norms = {one["label"]: one["norm"] for one in result["labels"]}
    return row | {
        "attack_rate": measured["triggers"][0]["attack_success_rate"],
        "verdict": result["verdict"],
        "flagged": result["flagged_labels"],
        "p": {one["name"]: one["p_value"] for one in result["evidence"]},
        "norm": norms[measured["targets"][0]],
        "median": float(np.median([norm for norm in norms.values() if norm is not None])),
    }


def net_cells(row: Mapping[str, Any]) -> list[record.Cell]:
    """The row of one net."""
    first: list[record.Cell] = [row["net"], row["attacker"], _percent(row["accuracy"])]
    if row["attacker"] == CLEAN:
        return [*first, *[None] * (5 + len(EVIDENCE))]
    right = "yes" if row["flagged"] == row["targets"] else "among others" if _named(row) else "no"
    return [
        *first,
        _percent(row["attack_rate"]),
        _rounded(row["norm"], 1),
        _rounded(row["median"], 1),
        row["verdict"],
        right,
        *(_rounded(row["p"].get(name), 4) for name in EVIDENCE),
    ]


def summary(rows: Sequence[Mapping[str, Any]]) -> list[list[record.Cell]]:
    """The rows of all nets of an attacker together."""
    return [_together(mine) for who in ATTACKERS if (mine := [row for row in rows if row["attacker"] == who])]


def _together(rows: Sequence[Mapping[str, Any]]) -> list[record.Cell]:
    accuracy = _percent(float(np.mean([row["accuracy"] for row in rows])))
    first: list[record.Cell] = [rows[0]["attacker"], len(rows), accuracy]
    if rows[0]["attacker"] == CLEAN:
        return [*first, *[None] * 6]
    rates = [row["attack_rate"] for row in rows]
    found = [row for row in rows if row["verdict"] == "backdoored"]
    return [
        *first,
        _percent(float(np.mean(rates))),
        _percent(min(rates)),
        len(found),
        _percent(len(found) / len(rows)),
        sum(_named(row) for row in rows),
        sum(row["verdict"] == "inconclusive" for row in rows),
    ]


def _named(row: Mapping[str, Any]) -> bool:
    """Whether the planted label is among those that are flagged."""
    return set(row["targets"]) <= set(row["flagged"])


def _percent(share: float) -> float:
    return round(100 * share, 1)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cells", default=",".join(str(cell) for cell in range(len(CELLS))))
    parser.add_argument("--attackers", default=";".join(ATTACKERS), help="with ; between them")
    parser.add_argument("--seed", type=int, default=20261130)
    record.add_option(parser)
    given = parser.parse_args()
    cells = [int(cell) for cell in given.cells.split(",")]
    wanted = sorted({CELLS[cell][1] for cell in cells} - {"signs"})
    read = [read_source(SHARED / f"{name}.npz") for name in wanted]
    files = {source.name: (images.pixels, images.labels) for source, images in read}
    for cell in cells:
        for attacker in given.attackers.split(";"):
            measure(card_of(cell, attacker, given.seed), files, given.folder)
    rows = known(given.folder, given.seed)
    for row in rows:
        print(json.dumps(row), flush=True)
    record.rows(given, "detection", NETS_TABLE, [net_cells(row) for row in rows])
    record.rows(given, "detection", SUMMARY, summary(rows))


if __name__ == "__main__":
    main()
