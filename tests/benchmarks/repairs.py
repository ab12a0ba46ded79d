"""What every repair leaves of a true trigger, and what it costs: methods and a control on BadNets with a known answer.

    python -m tests.benchmarks.repairs NET... --results FOLDER [--methods unlearning,fine-pruning] [--again]

NET is one of tests/benchmarks/nets.py. Each net is scanned once, then repaired method by method; net, scan, repairs and
rows (NET.json) are kept in FOLDER as soon as they are known, and what stands there is not computed again. The
control is fine-tuning on the same clean images without any trigger. The true trigger is measured with and never shown
to a repair; `retraining`, which learns from poison, is given some of the stamped test images, and is measured on those
that it did not learn from. `filter` leaves the net as it was: what counts there is what its guarded net calls.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nc_core.choice import Candidate, choose
from nc_core.errors import CleanseError
from nc_core.inversion import Predictor
from nc_core.mitigation import METHODS, Case, Repair, guard_of
from nc_core.mitigation.finetune import fine_tune, tuning_for
from nc_core.mitigation.lessons import Lessons, TargetTrigger
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.measures import attack_rate
from nc_core.models import build_logits
from nc_core.scanning.scan import case_of
from tests.benchmarks import record
from tests.benchmarks.nets import NETS
from tests.benchmarks.subjects import Subject, kept, subject

CONTROL = "fine-tuning"
TABLES = {
    "oaramoon": "GTSRB BadNet (oaramoon)",
    "sunglasses": "face BadNet (sunglasses)",
    "three-triggers": "face BadNet with three triggers",
    "planted": "planted, one trigger",
    "planted-multi-trigger": "planted, three triggers for one label",
}
"""Net -> its table in the documents."""
CONTROL_ROUNDS = 2
"""As many as unlearning makes at least."""
POISON = 100
"""Known poisoned images that retraining is given of each trigger; it learns from half of them."""


def tuned_only(case: Case) -> Repair:
    """The control: clean images alone. Without labels the net's answers are learned as labels: its own logits would
    teach it nothing."""

    def patch(bench: Bench, *_: object, seed: int, **how: Any) -> bool:
        tuning = tuning_for(bench.lessons)
        fine_tune(bench.model, as_labels(bench.lessons), [], tuning=tuning, seed=seed, **how)
        return True

    return close_loop(case, patch, method=CONTROL, doing=CONTROL, least=CONTROL_ROUNDS, most=CONTROL_ROUNDS)


def as_labels(lessons: Lessons) -> Lessons:
    """The same images, of which the one answer is learned."""
    return replace(lessons, target=np.eye(lessons.target.shape[1], dtype=np.float32)[lessons.y], logits=False)


def repaired(one: Subject, method: str, folder: Path) -> dict[str, Any]:
    """The row of one method, with the reason where it fails the net; the repair is kept in the folder."""
    case = case_of(one.found)
    before = one.figures(Predictor(build_logits(case.canonical)))
    if method == "retraining":
        known = [case.prepared.domain.to_model(attack.stamped[:POISON]) for attack in one.net.attacks.values()]
        case = replace(case, poison=np.concatenate(known))
    run: Callable[[Case], Repair] = tuned_only if method == CONTROL else METHODS[method]
    begin = time.monotonic()
    try:
        repair = run(case)
        guard = guard_of(case, repair)
    except CleanseError as error:
        return {"failed": str(error), "seconds": time.monotonic() - begin, "before": before}
    # Of several triggers the same images were stamped: none of those that were learned from counts for any.
    learned = sorted({row % POISON for row in repair.poison_learned})
    kept(folder / f"{method}.repair", lambda: replace(repair, guard=None))
    return {
        "before": before,
        "after": one.figures(Predictor(build_logits(repair.goodnet)), without=learned),
        "called": one.called(guard, without=learned),
        "seconds": repair.seconds,
        "rounds": repair.rounds,
        "bound": repair.bound.to_json(),
        "notes": list(repair.notes),
        "rescan": repair.to_json()["rescan"],
        "verdict_after": repair.to_json()["verdict_after"],
    }


def kept_by_the_rule(one: Subject, repairs: dict[str, Repair]) -> str:
    """What the service would keep of these: the same rule on the same measures."""
    holdout, candidates, case = one.found.prepared.holdout, [], case_of(one.found)
    pool = [TargetTrigger(label, case.triggers[label]) for label in case.triggers if label in case.suspects]
    pool += [trigger for repair in repairs.values() for trigger in repair.fresh]
    for method, repair in repairs.items():
        predict = Predictor(build_logits(repair.goodnet))
        quantiles = {rescan.clean_quantile for rescan in repair.rescan.values()}
        met = [trigger for trigger in pool if any(most is None or trigger.trigger.norm < most for most in quantiles)]
        own = [repair.reversed_attack_success_rate_after[label] for label in one.found.detection.flagged_labels]
        rates = [attack_rate(predict, holdout, target, trigger) for target, trigger in met]
        candidates.append(
            Candidate(
                method=method,
                attack=max([*own, *rates]),
                accuracy=repair.bound.after,
                least=repair.bound.least,
                repairs=method != "filter",
                backdoored=repair.after is not None and repair.after.verdict == "backdoored",
            )
        )
    return choose(candidates).reason


def show(name: str, rows: dict[str, Any]) -> None:
    """Print the table of one net."""
    print(f"\n{name}")
    for method, row in rows.items():
        if method == "choice":
            print(f"  the rule: {row}")
        elif "failed" in row:
            print(f"  {method:<15} fails: {row['failed']}")
        else:
            print(f"  {method:<15} {_told(row)}")


def _told(row: dict[str, Any]) -> str:
    figures = ", ".join(f"{key} {row['before'][key]:.1%} -> {row['after'][key]:.1%}" for key in row["after"])
    called = ", ".join(f"{share:.1%} {key}" for key, share in row["called"].items())
    bound = row["bound"]
    agrees = (
        f", agreement where it is sure {bound['before']:.1%} -> {bound['after']:.1%}" if bound["confidence_cut"] else ""
    )
    rejected = "" if bound["holds"] else "; rejected by the bound"
    return f"{figures}{agrees}; guard calls {called}; {row['rounds']} rounds, {row['seconds']:.0f} s{rejected}"


def rows_of(name: str, folder: Path) -> dict[str, Any]:
    """The rows of one net that are known."""
    file = folder / f"{name}.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def cells_of(method: str, row: dict[str, Any]) -> list[list[record.Cell]]:
    """The rows of the documents' table: what a method has left of each trigger, in per cent; None where it failed."""
    after, called = row.get("after", {}), row.get("called", {})
    triggers = [key.removeprefix("attack ") for key in row["before"] if key.startswith("attack ")]
    name = "fine-tuning (control)" if method == CONTROL else method
    return [
        [
            *((name, trigger) if len(triggers) > 1 else (name,)),
            _percent(after.get("accuracy")),
            *(_percent(after.get(f"{what} {trigger}")) for what in ("attack", "recovery")),
            *(_percent(called.get(what)) for what in (trigger, "clean")),
            round(row["seconds"]) if "seconds" in row else None,
        ]
        for trigger in triggers
    ]


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)


def written_down(given: argparse.Namespace, name: str, computed: Sequence[str]) -> None:
    """Record what was computed now, and what the net was like before."""
    rows = rows_of(name, given.results)
    measured = [cells for method in computed for cells in cells_of(method, rows[method])]
    if measured:
        before = rows[computed[0]]["before"]
        measured = [*cells_of("submitted", {"before": before, "after": before}), *measured]
        record.rows(given, "repairs", TABLES[name], measured)


def run(name: str, methods: Sequence[str], folder: Path, *, again: bool) -> list[str]:
    """Compute the rows of one net that are missing; returns their methods."""
    rows = rows_of(name, folder)

    def written(method: str, row: Any) -> None:
        rows[method] = row
        (folder / f"{name}.json").write_text(json.dumps(rows, indent=2))
        show(name, {method: row})

    missing = [method for method in methods if again or method not in rows]
    if not missing:
        return []
    one, own = subject(name, folder), folder / name
    own.mkdir(exist_ok=True)
    print(f"{name}: flagged {list(one.found.detection.flagged_labels)}", flush=True)
    for method in missing:
        (own / f"{method}.repair").unlink(missing_ok=True)
        written(method, repaired(one, method, own))
    stored = {method: own / f"{method}.repair" for method in METHODS}
    repairs = {method: kept(path, dict) for method, path in stored.items() if path.exists()}
    if repairs:
        written("choice", kept_by_the_rule(one, repairs))
    return missing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("nets", nargs="+", choices=list(NETS))
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--methods", default=",".join([CONTROL, *METHODS]))
    parser.add_argument("--again", action="store_true", help="compute rows anew that stand there")
    record.add_option(parser)
    asked = parser.parse_args()
    asked.results.mkdir(parents=True, exist_ok=True)
    for name in asked.nets:
        computed = run(name, asked.methods.split(","), asked.results, again=asked.again)
        written_down(asked, name, computed)
    for name in asked.nets:
        show(name, rows_of(name, asked.results))


if __name__ == "__main__":
    main()
