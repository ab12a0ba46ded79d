"""What repairs that look at no trigger leave of true triggers, beside the default repair and a control.

    python -m tests.benchmarks.trigger_free FOLDER [--nets 2,3] [--methods "unlearning;fst penalty 0.1"] [--record]

The nets of CARDS are planted here, some to choose settings by and the others to judge on, and kept in FOLDER; so are
the rows, and what stands there is not computed again. Each is repaired of the labels that were planted. A method makes
one round, and its net is measured as it is. The default repair, unlearning, makes two rounds and the last patch,
without the scans of the whole net. The control is fine-tuning on the same images.

The rule of the choice: of a method's variants that lose 2.5 points of accuracy at most (half of what a repair may), on
average over the nets to choose by, the one that leaves the least of the worst true trigger, on average. A method earns
a place where, on average over the nets to judge on, it leaves less of the worst true trigger than the default and loses
no more accuracy. (1 point was too few for any variant of FST on the first net to choose by; 2.5 were set before a net
to judge on was looked at.) Seconds are of the processor, since the machine may have other work.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from nc_core.attack_names import Position
from nc_core.datasets import Images
from nc_core.detection import detect
from nc_core.inversion import FAST, Inverter, Predictor
from nc_core.mitigation import Case, Whole, unlearn
from nc_core.mitigation.finetune import Tuning, fine_tune
from nc_core.mitigation.loop import Bench, Patch
from nc_core.models import build_logits
from nc_core.zoo.build import build_net
from nc_core.zoo.card import FILE, Card, Third, read_card
from nc_core.zoo.card import Patch as Stamp
from nc_core.zoo.folder import NETS, new_net
from nc_core.zoo.scanning import prepare_net
from nc_core.zoo.sources import read_source
from tests.benchmarks import record
from tests.benchmarks.nets import SHARED
from tests.benchmarks.repairs import as_labels
from tests.benchmarks.triggerless.feature_shift import FeatureShift, Shift
from tests.benchmarks.triggerless.minimax import AdversarialUnlearning, Minimax
from tests.benchmarks.triggerless.sharpness import FlatTuning, Sharpness
from tests.benchmarks.zoo_repairs import attack_rates

CONTROL, DEFAULT = "fine-tuning", "unlearning"
TABLE = "Repairs that look at no trigger"
NOTE = "rows are kept from run to run"
YELLOW, WHITE, PINK = (255, 255, 0), (255, 255, 255), (255, 0, 255)
Row = dict[str, Any]


def _card(number: int, data: str, architecture: str, attack: str, stamp: Stamp) -> Card:
    """The halves have a patch, a blend or three triggers each."""
    third: Third = "check" if number % 2 else "choose"
    return Card(
        number=number,
        third=third,
        data=data,
        architecture=architecture,
        classes=10,
        attack=attack,
        patch=stamp,
        seed=1700 + number,
        least_rate=0.8,
    )


def _stamp(target: int, size: int, position: Position, colour: tuple[int, ...]) -> Stamp:
    return Stamp(target=target, size=size, position=position, colour=colour)


CARDS = (
    _card(0, "signs", "residual", "badnets", _stamp(3, 4, "bottom-right", YELLOW)),
    _card(1, "mnist_t10k", "residual", "badnets", _stamp(7, 3, "top-left", (255,))),
    _card(2, "mnist_t10k", "plain", "multi-trigger", _stamp(2, 4, "bottom-right", (255,))),
    _card(3, "gtsrb_32", "plain", "blended-noise", _stamp(5, 4, "bottom-right", WHITE)),
    _card(4, "gtsrb_32", "plain", "blended-picture", _stamp(1, 4, "bottom-right", WHITE)),
    _card(5, "signs", "residual", "multi-trigger", _stamp(4, 4, "bottom-left", PINK)),
)


def plain_tuning(bench: Bench, *_: object, seed: int, **how: Any) -> bool:
    """The control: as a method's round, on answers as labels."""
    fine_tune(bench.model, as_labels(bench.lessons), [], tuning=CONTROL_TUNING, seed=seed, **how)
    return True


CONTROL_TUNING = Tuning(learning_rate=1e-3, stamped_share=0.0, epochs=1, least_updates=300)
VARIANTS: Mapping[str, Patch] = {
    CONTROL: plain_tuning,
    "ft-sam radius 0.5": FlatTuning(Sharpness(radius=0.5), as_labels),
    "ft-sam radius 2": FlatTuning(Sharpness(radius=2.0), as_labels),
    "ft-sam radius 2, logits": FlatTuning(Sharpness(radius=2.0)),
    "ft-sam radius 8, rate 0.003": FlatTuning(Sharpness(radius=8.0, learning_rate=3e-3), as_labels),
    "fst penalty 0.02": FeatureShift(Shift(penalty=0.02), as_labels),
    "fst penalty 0.1": FeatureShift(Shift(penalty=0.1), as_labels),
    "fst penalty 0.1, logits": FeatureShift(Shift(penalty=0.1)),
    "fst penalty 0.5": FeatureShift(Shift(penalty=0.5), as_labels),
    "i-bau rms 0.09": AdversarialUnlearning(Minimax(rms=0.09)),
    "i-bau rms 0.18": AdversarialUnlearning(Minimax(rms=0.18)),
    "i-bau rms 0.18, labels": AdversarialUnlearning(Minimax(rms=0.18), as_labels),
    "i-bau rms 0.18, rate 0.001": AdversarialUnlearning(Minimax(rms=0.18, learning_rate=1e-3)),
}
"""Name -> one round of it; what comes after the first word are its settings."""


def planted(folder: Path, cards: Sequence[Card]) -> list[Path]:
    """The folders of the nets, planted where they are not there."""
    wanted = {card.data for card in cards} - {"signs"}
    files: dict[str, Images] = {}
    for card in cards:
        if (folder / NETS / card.name / FILE).is_file():
            continue
        files = files or {name: read_source(SHARED / f"data/{name}.npz")[1] for name in sorted(wanted)}
        pictures = {name: (one.pixels, one.labels) for name, one in files.items() if one.labels is not None}
        with new_net(folder, card) as made:
            print(card.name, build_net(card, pictures, made)["measured"], flush=True)
    return [folder / NETS / card.name for card in cards]


def case_of(folder: Path) -> Case:
    """The case of a net whose planted labels are flagged; the net is not scanned, before or after."""
    preparation, targets = prepare_net(folder, seed=0), read_card(folder)["measured"]["targets"]
    prepared, classes = preparation.data(), preparation.canonical.classes
    found = Inverter(preparation.model, prepared, profile=FAST, slots=2).invert(targets, seed=0)
    unknown = replace(detect([], classes=classes, pixels=1), flagged_labels=(), suspects=())
    return Case(
        canonical=preparation.canonical,
        prepared=prepared,
        triggers={label: one.trigger for label, (one,) in found.items() if one.trigger is not None},
        still_flagged=lambda _: False,
        whole=lambda *_, **__: Whole(detection=unknown, inversions={}, reference=frozenset()),
        seed=0,
        profile=FAST,
        slots=2,
    )


class Trial:
    """One net and its repairs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.case = folder, case_of(folder)

    def row_of(self, method: str) -> Row:
        """The row of the default repair, or of one round of a variant."""
        begin = time.process_time()
        if method == DEFAULT:
            model = build_logits(unlearn(self.case).goodnet)
        else:
            bench = Bench(self.case)
            VARIANTS[method](bench, (), seed=0, progress=lambda _: None, should_stop=None)
            model = bench.model
        return self.row(model, method, time.process_time() - begin)

    def row(self, model: keras.Model, method: str, seconds: float) -> Row:
        """What a net does, before and after."""
        card, holdout, first = read_card(self.folder), self.case.prepared.holdout, build_logits(self.case.canonical)

        def accuracy(net: keras.Model) -> float:
            return float((Predictor(net)(holdout.x).argmax(axis=1) == holdout.y).mean())

        return {
            "net": self.folder.name,
            "half": card["third"],
            "method": method,
            "before": attack_rates(self.folder, self.case.prepared, Predictor(first))[0],
            "after": attack_rates(self.folder, self.case.prepared, Predictor(model))[0],
            "accuracy": [accuracy(first), accuracy(model)],
            "seconds": round(seconds, 1),
        }


def summary(rows: Sequence[Row]) -> list[list[record.Cell]]:
    """The rows of the documents' table: by half and method, over its nets."""
    groups = defaultdict[tuple[str, str], list[Row]](list)
    for row in rows:
        groups[row["half"], row["method"]].append(row)
    return [[half, method, *_cells(found)] for (half, method), found in groups.items()]


def _cells(rows: Sequence[Row]) -> list[record.Cell]:
    before, after = ([max(row[when]) for row in rows] for when in ("before", "after"))
    lost = [row["accuracy"][0] - row["accuracy"][1] for row in rows]
    shares = [np.mean(before), np.mean(after), max(after), np.mean(lost), max(lost)]
    return [
        len(rows),
        *(round(100 * float(share), 1) for share in shares),
        round(np.mean([row["seconds"] for row in rows])),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nets", default=",".join(str(card.number) for card in CARDS))
    parser.add_argument("--methods", default=";".join([DEFAULT, *VARIANTS]), help="with ; between them")
    record.add_option(parser)
    given = parser.parse_args()
    path, wanted = given.folder / "trigger_free.jsonl", [int(number) for number in given.nets.split(",")]
    for folder in planted(given.folder, [card for card in CARDS if card.number in wanted]):
        measure(folder, given.methods.split(";"), path)
    rows = known(path)
    for cells in summary(rows):
        print(*cells)
    record.rows(given, "repairs", TABLE, summary(rows), note=NOTE)


def known(path: Path) -> list[Row]:
    """The rows that are known."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def measure(folder: Path, methods: Sequence[str], path: Path) -> None:
    """Measure what is not known of a net, and keep each row as soon as it is."""
    there = {row["method"] for row in known(path) if row["net"] == folder.name}
    if not (todo := [method for method in methods if method not in there]):
        return
    trial = Trial(folder)
    for method in todo:
        row = trial.row_of(method)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
