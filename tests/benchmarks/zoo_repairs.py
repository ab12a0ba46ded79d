"""What repairs leave of the true triggers of a zoo's planted nets, and what they cost.

    python -m tests.benchmarks.zoo_repairs ZOO [--methods unlearning,gangsweep] [--thirds choose,check] [--record]

Of the nets whose triggers send pictures of all classes to one label. Each is repaired of the labels that were planted,
as if its scan had flagged exactly those: this measures repairs, not detection. The true triggers are measured with, on
pictures that the net was trained on, and never shown to a repair. Rows are kept in ZOO/repairs.jsonl as soon as they
are known, and what stands there is not computed again. A zoo that was built before pictures with true triggers were
kept has none to measure with; its nets are passed over.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from nc_core.detection import StillFlagged, beyond_of, leaders_of
from nc_core.errors import CleanseError
from nc_core.inversion import FAST, Inverter, Predictor
from nc_core.mitigation import METHODS, Case
from nc_core.models import build_logits
from nc_core.scanning.preparation import Preparation, prepare_scan
from nc_core.scanning.rounds import plan
from nc_core.scanning.whole import WholeNet
from nc_core.zoo.card import CLEAN, NET, RESULT, STAMPED, VALUE_RANGE, read_card
from nc_core.zoo.folder import nets
from nc_core.zoo.judging import labels_of
from nc_core.zoo.score import NOT_UNIVERSAL, THIRDS
from tests.benchmarks import record

ALPHA = 0.05
WORKS = 0.5
"""Attack success rate from which on a trigger still works."""
TABLE = "Planted nets of a zoo"

Row = dict[str, Any]


def case_of(folder: Path, prepared_scan: Preparation) -> Case:
    """The case of a net whose planted labels are flagged."""
    read, result = read_card(folder), json.loads((folder / RESULT).read_text("utf-8"))
    prepared, labels = prepared_scan.data(), labels_of(result)
    targets = tuple(read["measured"]["targets"])
    classes = prepared_scan.canonical.classes
    beyond = beyond_of(labels, repaired=targets, classes=classes)
    found = Inverter(prepared_scan.model, prepared, profile=FAST, slots=prepared_scan.slots).invert(
        [*targets, *beyond], seed=0
    )
    triggers = {label: one.trigger for label, (one,) in found.items() if one.trigger is not None}
    height, width, _ = prepared_scan.canonical.input_shape
    return Case(
        canonical=prepared_scan.canonical,
        prepared=prepared,
        triggers={label: triggers[label] for label in targets if label in triggers},
        still_flagged=StillFlagged(labels=tuple(labels), flagged=targets, pixels=height * width, alpha=ALPHA),
        whole=WholeNet(
            prepared=prepared,
            rounds=plan(range(classes), profile=FAST.name, seed=0),
            slots=prepared_scan.slots,
            alpha=ALPHA,
        ),
        seed=0,
        profile=FAST,
        slots=prepared_scan.slots,
        leaders=leaders_of(labels, targets),
        beyond={label: triggers[label] for label in beyond if label in triggers},
    )


def attack_rates(folder: Path, prepared: Any, predict: Predictor) -> tuple[list[float], list[float]]:
    """Of every true trigger the attack success rate and the recovery accuracy."""
    with np.load(folder / STAMPED) as stamped:
        count = sum(name.startswith("x_") for name in stamped)
        rates, recovery = [], []
        for number in range(count):
            answers = predict(prepared.domain.to_model(stamped[f"x_{number}"])).argmax(axis=1)
            rates.append(float((answers == stamped[f"answers_{number}"]).mean()))
            recovery.append(float((answers == stamped[f"y_{number}"]).mean()))
    return rates, recovery


def repaired(folder: Path, method: str) -> Row:
    """The row of one net and method."""
    read = read_card(folder)
    row: Row = {"net": folder.name, "third": read["third"], "attack": read["attack"], "method": method}
    prepared_scan = prepare_scan(
        folder / NET,
        folder / CLEAN,
        profile=FAST,
        value_range=VALUE_RANGE,
        unlabelled=read["given"] == "foreign",
        seed=0,
    )
    case, begin = case_of(folder, prepared_scan), time.monotonic()
    if not case.triggers:
        return {**row, "failed": "no trigger was reversed for a planted label"}
    row["before"], _ = attack_rates(folder, case.prepared, Predictor(prepared_scan.model))
    try:
        repair = METHODS[method](case)
    except CleanseError as error:
        return {**row, "failed": str(error)}
    good = Predictor(build_logits(repair.goodnet))
    row["after"], row["recovery"] = attack_rates(folder, case.prepared, good)
    return {
        **row,
        "accuracy": [repair.accuracy_before, repair.accuracy_after],
        "verdict_after": repair.to_json()["verdict_after"],
        "rounds": repair.rounds,
        "seconds": round(time.monotonic() - begin, 1),
    }


def summary(rows: Iterable[Row]) -> list[list[record.Cell]]:
    """The rows of the documents' table: by third and method."""
    groups = defaultdict[tuple[str, str], list[Row]](list)
    for row in rows:
        for third in ("all", row["third"]):
            groups[third, row["method"]].append(row)
    return [[third, method, *_cells(found)] for (third, method), found in sorted(groups.items())]


def _cells(rows: Sequence[Row]) -> list[record.Cell]:
    done = [row for row in rows if "failed" not in row]
    if not done:
        return [len(rows), len(rows), *[None] * 7]
    worst = [max(row["after"]) for row in done]
    lost = [row["accuracy"][0] - row["accuracy"][1] for row in done]
    clean = [max(row["after"]) for row in done if row["verdict_after"] and row["verdict_after"]["verdict"] == "clean"]
    return [
        len(rows),
        len(rows) - len(done),
        _percent(np.median([max(row["before"]) for row in done])),
        _percent(np.median(worst)),
        _percent(np.quantile(worst, 0.9)),
        _percent(np.median(lost)),
        len(clean),
        sum(rate >= WORKS for rate in clean),
        round(float(np.median([row["seconds"] for row in done]))),
    ]


def _percent(share: Any) -> float:
    return round(100 * float(share), 1)


def suits(folder: Path) -> bool:
    """Whether a net is one that is repaired here."""
    read = read_card(folder)
    planted = read["attack"] is not None and read["attack"] not in NOT_UNIVERSAL and not read["measured"]["weak"]
    return planted and (folder / STAMPED).is_file() and (folder / RESULT).is_file()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zoo", type=Path)
    parser.add_argument("--methods", default="unlearning")
    parser.add_argument("--thirds", default=",".join(THIRDS[1:]))
    record.add_option(parser)
    given = parser.parse_args()
    path = given.zoo / "repairs.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []
    known = {(row["net"], row["method"]) for row in rows}
    folders = [one for one in nets(given.zoo) if suits(one) and read_card(one)["third"] in given.thirds.split(",")]
    todo = [(one, method) for one in folders for method in given.methods.split(",") if (one.name, method) not in known]
    for number, (folder, method) in enumerate(todo, 1):
        row = repaired(folder, method)
        rows.append(row)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{number}/{len(todo)}", json.dumps(row), flush=True)
        keras.backend.clear_session()
    for cells in summary(rows):
        print(*cells)
    record.rows(given, "repairs", TABLE, summary(rows))


if __name__ == "__main__":
    main()
