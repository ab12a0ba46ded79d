"""How far a planted label's mask lies below the others' after the first steps: nets of a zoo, and the real face nets.

    python -m tests.benchmarks.early [--zoo ZOO] [--faces seed-fine-pruned,sunglasses] [--seed 0] [--record]

Every label takes the steps of one round of screening, and nothing else. Of a zoo, or of a folder with some of its nets,
those are looked at whose triggers send pictures of all classes to one label, and the clean ones. Face nets are looked
at in 0..1, all 1283 labels, with strangers' faces. p is that of the test by itself, held against the whole error rate.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import keras
import numpy as np

from nc_core.detection import LabelNorm
from nc_core.detection.early import early_steps, early_z
from nc_core.inversion import FAST, Inverter
from nc_core.profiles.named import SCREENING
from nc_core.scanning.preparation import Preparation, prepare_scan
from nc_core.scanning.rounds import SCREENED_FROM
from nc_core.zoo.card import FILE, read_card
from nc_core.zoo.scanning import prepare_net
from nc_core.zoo.score import NOT_UNIVERSAL
from tests.benchmarks import record
from tests.benchmarks.nets import NETS, REPAIRED

TITLE = "Masks after the first steps"


def labels_of(preparation: Preparation, *, seed: int) -> list[LabelNorm]:
    """Every label after the first steps, in the precision of a scan of so many, as if done: each may be tested."""
    inverter = Inverter(
        preparation.model,
        preparation.data(),
        profile=SCREENING,
        slots=preparation.slots,
        compute=preparation.compute if len(preparation.labels) < SCREENED_FROM else preparation.screening,
    )
    found = inverter.invert(preparation.labels, seed=seed)
    return [
        LabelNorm(label=label, state="done", norm=one.norm, screened_norm=one.norm)
        for label, (one,) in found.items()
        if one.norm is not None
    ]


def row(name: str, kind: str, rate: float | None, targets: Sequence[int], labels: list[LabelNorm]) -> list[record.Cell]:
    """A net's cells. rate: least attack success rate of its triggers."""
    z = early_z(labels)
    steps, _ = early_steps(labels, alpha=0.05, share=1.0)
    others = [value for label, value in z.items() if label not in targets]
    ranks = {label: nth for nth, label in enumerate(sorted(z, key=lambda label: -z[label]), 1)}
    known = [label for label in targets if label in z]
    return [
        name,
        kind,
        len(labels),
        None if rate is None else round(100 * rate, 1),
        min((round(z[label], 1) for label in known), default=None),
        max((ranks[label] for label in known), default=None),
        round(max(others), 1),
        float(f"{steps[0].p_value:.2g}") if steps else None,
    ]


def of_zoo(zoo: Path, seed: int) -> Iterator[list[record.Cell]]:
    for folder in sorted(path.parent for path in zoo.rglob(FILE)):
        card = read_card(folder)
        if card["attack"] in NOT_UNIVERSAL:
            continue
        rates = [one["attack_success_rate"] for one in card["measured"]["triggers"]]
        kind = f"{card['attack'] or 'clean'}, {card['third']}"
        labels = labels_of(prepare_net(folder, seed=seed), seed=seed)
        yield row(card["name"], kind, min(rates, default=None), card["measured"]["targets"], labels)


def of_faces(names: Sequence[str], seed: int) -> Iterator[list[record.Cell]]:
    every = {**NETS, **REPAIRED}
    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        for name in names:
            net, data = every[name](Path(folder)), Path(folder) / "faces.npz"
            np.savez(data, x=net.clean[0])
            preparation = prepare_scan(
                net.model, data, profile=FAST, unlabelled=True, value_range="0..1", seed=seed, slots=None
            )
            repaired = name in REPAIRED
            kind = f"repaired by others, seed {seed}" if repaired else f"real, seed {seed}"
            targets = () if repaired else [attack.target for attack in net.attacks.values()]
            yield row(name, kind, None, targets, labels_of(preparation, seed=seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path)
    parser.add_argument("--faces", default="")
    parser.add_argument("--seed", type=int, default=0)
    record.add_option(parser)
    given = parser.parse_args()
    rows = []
    faces = of_faces([name for name in given.faces.split(",") if name], given.seed)
    for found in chain(of_zoo(given.zoo, given.seed) if given.zoo else (), faces):
        rows.append(found)
        print(*found, flush=True)
        keras.backend.clear_session()
    record.rows(given, "detection", TITLE, rows)


if __name__ == "__main__":
    main()
