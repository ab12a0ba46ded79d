"""The real face nets, all 1283 labels: scanned and repaired with the defaults of `cleanse run`, seed by seed.

    python -m tests.benchmarks.whole_faces FOLDER [--nets sunglasses,three-triggers] [--seeds 0,1,2] [--record]

Both are given strangers' faces without labels. The sunglasses net is measured on its own people, with and without real
sunglasses; the other on strangers that it was not given, by agreement with what the submitted net answers. The true
triggers are shown to nobody before. Rows are kept in FOLDER as soon as they are known, and not computed again.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from nc_core.inversion import Predictor
from nc_core.mitigation import guard_of
from nc_core.models import build_logits
from nc_core.scanning.scan import case_of, scan
from tests.benchmarks import record
from tests.benchmarks.nets import NETS
from tests.benchmarks.subjects import Subject

TABLE = "Face nets, all labels, scanned and repaired with the defaults"
ROWS = "whole-faces.json"


def measured(name: str, seed: int, folder: Path) -> list[list[record.Cell]]:
    """A row for each true trigger of a net."""
    net = NETS[name](folder)
    data = folder / f"{name}.npz"
    np.savez(data, x=net.clean[0])
    began = time.monotonic()
    found = scan(net.model, data, unlabelled=True, seed=seed)
    scanned = time.monotonic() - began
    test = found.prepared.domain.to_model(net.test[0])
    submitted = Predictor(found.preparation.model)
    y = submitted(test).argmax(axis=1) if net.test[1] is None else net.test[1]
    one = Subject(net=net, found=found, test=test, y=y)
    before, after, called = one.figures(submitted), dict[str, float](), dict[str, float]()
    said, seconds = "not repaired", None
    if found.detection.to_repair:
        case = case_of(found)
        repair = found.repair()
        after, called = one.figures(Predictor(build_logits(repair.goodnet))), one.called(guard_of(case, repair))
        said = repair.after.verdict if repair.after is not None else "not scanned"
        seconds = round(repair.seconds)
    own = [before.get("accuracy"), after.get("accuracy")]
    told = [found.detection.verdict, float(f"{found.detection.p_value:.2g}"), _listed(found.detection.flagged_labels)]
    rates = [(before[key], after.get(key)) for key in before if key.startswith("attack ")]
    return [
        [
            *(name, f"seed {seed}", f"{trigger} (label {attack.target})", *told),
            *map(_percent, (*rate, called.get(trigger), called.get("clean"), *own)),
            *(said, round(scanned), seconds),
        ]
        for (trigger, attack), rate in zip(net.attacks.items(), rates, strict=True)
    ]


def _listed(labels: tuple[int, ...]) -> str:
    """A word before the numbers: a cell of numbers alone is a figure."""
    return f"label{'s' if len(labels) > 1 else ''} {', '.join(map(str, labels))}" if labels else "none"


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nets", default="sunglasses,three-triggers")
    parser.add_argument("--seeds", default="0,1,2")
    record.add_option(parser)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    path = given.folder / ROWS
    known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    todo = [(name, int(seed)) for name in given.nets.split(",") for seed in given.seeds.split(",")]
    for number, (name, seed) in enumerate(todo, 1):
        key = f"{name} {seed}"
        if key not in known:
            known[key] = measured(name, seed, given.folder)
            path.write_text(json.dumps(known, indent=1), "utf-8")
            keras.backend.clear_session()
        for row in known[key]:
            print(f"{number}/{len(todo)}", *row, flush=True)
    record.rows(given, "repairs", TABLE, [row for name, seed in todo for row in known[f"{name} {seed}"]])


if __name__ == "__main__":
    main()
