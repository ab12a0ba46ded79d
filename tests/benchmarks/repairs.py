"""What every repair leaves of a true trigger, and what it costs: methods and a control on BadNets with a known answer.

    python -m tests.benchmarks.repairs NET... --results FOLDER [--methods unlearning,fine-pruning] [--again]

NET is one of tests/benchmarks/nets.py. Each net is scanned once in a run, then repaired method by method; every row is
written to FOLDER/repairs.json as soon as it is known, and rows that stand there are not computed again. The control is
fine-tuning on the same clean images without any trigger. The true trigger is measured with and never shown to a repair;
`retraining`, which learns from poison, gets a tenth of the stamped test images, and is measured on the others.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nc_core.choice import Candidate, choose
from nc_core.errors import CleanseError
from nc_core.inversion import Predictor
from nc_core.mitigation import METHODS, Case, Repair
from nc_core.mitigation.finetune import fine_tune, tuning_for
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.measures import attack_rate
from nc_core.models import build_logits
from nc_core.scan import Scan, case_of, scan
from tests.benchmarks.nets import NETS, Net

CONTROL = "fine-tuning"
CONTROL_ROUNDS = 2
"""As many as unlearning makes at least."""
LEARNED = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A net that was scanned, and what it is measured with: test images in its domain, their labels or its answers."""

    net: Net
    found: Scan
    before: dict[str, Any]
    test: Any
    y: Any


def scanned(name: str, folder: Path) -> Subject:
    net = NETS[name](folder)
    pixels, labels = net.clean
    data = folder / f"{name}.npz"
    np.savez(data, x=pixels, **({} if labels is None else {"y": labels}))
    found = scan(net.model, data, labels=net.labels, unlabelled=labels is None)
    domain = found.prepared.domain
    test = domain.to_model(net.test[0])
    badnet = Predictor(found.ready.model)
    y = badnet(test).argmax(axis=1) if net.test[1] is None else net.test[1]
    subject = Subject(net=net, found=found, before={}, test=test, y=y)
    return replace(subject, before=measured(subject, badnet))


def measured(subject: Subject, predict: Predictor, rows: Any = slice(None)) -> dict[str, Any]:
    """Accuracy (agreement without labels) and, per true trigger, attack rate and recovery accuracy of other classes."""
    to_model = subject.found.prepared.domain.to_model
    figures: dict[str, Any] = {"accuracy": float((predict(subject.test).argmax(axis=1) == subject.y).mean())}
    for target, stamped in subject.net.stamped.items():
        # Of the sunglasses the same people were photographed, not the same pictures stamped.
        y = subject.y[: len(stamped)][rows]
        answers = predict(to_model(stamped[rows])).argmax(axis=1)
        others = y != target
        figures[f"attack {target}"] = float((answers[others] == target).mean())
        figures[f"recovery {target}"] = float((answers[others] == y[others]).mean())
    return figures


def tuned_only(case: Case) -> Repair:
    """The control: clean images alone."""

    def patch(bench: Bench, *_: object, seed: int, **how: Any) -> bool:
        tuning = tuning_for(bench.lessons, labelled=case.prepared.labelled)
        fine_tune(bench.model, bench.lessons, [], tuning=tuning, seed=seed, **how)
        return True

    return close_loop(case, patch, method=CONTROL, doing=CONTROL, least=CONTROL_ROUNDS, most=CONTROL_ROUNDS)


def repaired(subject: Subject, method: str) -> tuple[dict[str, Any], Repair | None]:
    """The row of one method, with the reason where it fails the net."""
    case = case_of(subject.found)
    rows: Any = slice(None)
    if method == "retraining":
        stamped = next(iter(subject.net.stamped.values()))
        cut = round(LEARNED * len(stamped)) * 2
        case, rows = replace(case, poison=case.prepared.domain.to_model(stamped[:cut])), slice(cut, None)
    run: Callable[[Case], Repair] = tuned_only if method == CONTROL else METHODS[method]
    begin = time.monotonic()
    try:
        repair = run(case)
    except CleanseError as error:
        return {"failed": str(error), "seconds": time.monotonic() - begin}, None
    after = measured(subject, Predictor(build_logits(repair.goodnet)), rows)
    told = {"before": subject.before, "after": after, "seconds": repair.seconds, "rounds": repair.rounds}
    return {
        **told,
        "bound": repair.bound.to_json(),
        "notes": list(repair.notes),
        "rescan": repair.to_json()["rescan"],
    }, repair


def kept_by_the_rule(subject: Subject, repairs: dict[str, Repair]) -> str:
    """What the service would keep of these: the same rule on the same measures."""
    holdout, candidates = subject.found.prepared.holdout, []
    for method, repair in repairs.items():
        predict = Predictor(build_logits(repair.goodnet))
        quantiles = {target: rescan.clean_quantile for target, rescan in repair.rescan.items()}
        fresh = [one for other in repairs.values() for one in other.fresh]
        met = [one for one in fresh if (most := quantiles[one.target]) is None or one.trigger.norm < most]
        rates = [attack_rate(predict, holdout, target, trigger) for target, trigger in met]
        worst = max([*repair.reversed_attack_success_rate_after.values(), *rates])
        bound = repair.bound
        candidates.append(Candidate(method=method, attack=worst, accuracy=bound.after, least=bound.least))
    return choose(candidates).reason


def table(results: dict[str, dict[str, Any]]) -> None:
    for name, rows in results.items():
        print(f"\n{name}")
        for method, row in rows.items():
            if method == "choice":
                print(f"  the rule: {row}")
            elif "failed" in row:
                print(f"  {method:<15} fails: {row['failed']}")
            else:
                figures = ", ".join(
                    f"{key} {row['before'][key]:.1%} -> {row['after'][key]:.1%}" for key in row["after"]
                )
                rejected = "" if row["bound"]["holds"] else "; rejected by the bound"
                print(f"  {method:<15} {figures}; {row['rounds']} rounds, {row['seconds']:.0f} s{rejected}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("nets", nargs="+", choices=list(NETS))
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--methods", default=",".join([CONTROL, *METHODS]))
    parser.add_argument("--again", action="store_true", help="compute rows anew that stand there")
    asked = parser.parse_args()
    asked.results.mkdir(parents=True, exist_ok=True)
    file = asked.results / "repairs.json"
    results: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}
    for name in asked.nets:
        rows = results.setdefault(name, {})
        missing = [method for method in asked.methods.split(",") if asked.again or method not in rows]
        if not missing:
            continue
        subject = scanned(name, asked.results)
        print(f"{name}: flagged {list(subject.found.detection.flagged_labels)}", flush=True)
        repairs: dict[str, Repair] = {}
        for method in missing:
            rows[method], repair = repaired(subject, method)
            if repair is not None and method != CONTROL:
                repairs[method] = repair
            file.write_text(json.dumps(results, indent=2))
            table({name: {method: rows[method]}})
        if len(repairs) > 1:
            rows["choice"] = kept_by_the_rule(subject, repairs)
            file.write_text(json.dumps(results, indent=2))
    table({name: results[name] for name in asked.nets})


if __name__ == "__main__":
    main()
