"""What a net's attack rate costs in accuracy: every method and setting, every round a point.

    python -m tests.benchmarks.frontier NET --results FOLDER [--settings "unlearning 0.0003,fine-pruning"] [--rounds 4]

NET is one of tests/benchmarks/nets.py, scanned once; scan and points (frontier.json) are kept in FOLDER, and what
stands there is not computed again. A setting goes through its rounds as the service makes them, triggers reversed
afresh after each, but without an accuracy bound and whether or not anything small is found. Of each round are printed:
accuracy and true attack rates on images that were never given (the frontier), and what a defender can see: agreement
where the submitted net is sure and the norms of the fresh triggers. Settings are not to be chosen by the former. The
documents have a table of the face net.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nc_core.inversion import Predictor
from nc_core.mitigation.fine_pruning import FinePruning
from nc_core.mitigation.finetune import MATCHING, Tuning, fine_tune
from nc_core.mitigation.gangsweep import sweep_round
from nc_core.mitigation.lessons import Lessons, TargetTrigger
from nc_core.mitigation.loop import Bench, Patch
from nc_core.mitigation.neuron_pruning import Pruning
from nc_core.mitigation.rescan import Rescanner
from nc_core.mitigation.units import last_convolution, penultimate
from nc_core.mitigation.unlearning import Unlearning
from nc_core.models import build_logits
from nc_core.scanning.scan import case_of
from tests.benchmarks import record
from tests.benchmarks.nets import NETS
from tests.benchmarks.repairs import as_labels
from tests.benchmarks.subjects import Figures, Subject, subject

RATES = (1e-4, 3e-4, 1e-3)
PARTS = (0.25, 0.5, 0.75)
"""Of the way from the submitted net to one round of unlearning, as points of their own: a net whose weights lie between
two others often does better than both (Wortsman et al. 2022)."""


def tuned(
    tuning: Tuning, *, learned: Callable[[Lessons], Lessons] = lambda lessons: lessons
) -> Callable[[Bench], Patch]:
    """Unlearning with one setting."""

    def made(bench: Bench) -> Patch:
        lessons = learned(bench.lessons)

        def patch(bench: Bench, known: Any, *, seed: int, progress: Any, should_stop: Any) -> bool:
            fine_tune(bench.model, lessons, known, tuning=tuning, seed=seed, progress=progress, should_stop=should_stop)
            return True

        return patch

    return made


def as_probabilities(lessons: Lessons) -> Lessons:
    """The same images, of which the submitted net's probabilities are learned."""
    return replace(lessons, target=lessons.probabilities, logits=False)


def pruned(bench: Bench) -> Patch:
    """Neuron pruning."""
    return Pruning([site for find in (penultimate, last_convolution) if (site := find(bench.case.canonical))])


def fine_pruned(bench: Bench) -> Patch:
    """Fine-pruning."""
    site = last_convolution(bench.case.canonical)
    assert site is not None
    return FinePruning(site)


SETTINGS: Mapping[str, Callable[[Bench], Patch]] = {
    "unlearning": lambda _: Unlearning(),
    **{f"unlearning {rate:g}": tuned(replace(MATCHING, learning_rate=rate)) for rate in RATES},
    "unlearning probabilities 0.0001": tuned(replace(MATCHING, learning_rate=1e-4), learned=as_probabilities),
    "unlearning probabilities 0.0003": tuned(MATCHING, learned=as_probabilities),
    "unlearning labels 0.0001": tuned(replace(MATCHING, learning_rate=1e-4), learned=as_labels),
    "control 0.0001": tuned(replace(MATCHING, learning_rate=1e-4, stamped_share=0.0), learned=as_labels),
    "fine-pruning": fine_pruned,
    "neuron-pruning": pruned,
    "gangsweep": lambda _: sweep_round,
}


SHOWN = {
    "unlearning": "unlearning",
    "unlearning 0.0001": "unlearning, learning rate 1e-4",
    "unlearning 0.0003": "unlearning, learning rate 3e-4",
    "unlearning 0.001": "unlearning, learning rate 1e-3",
    "unlearning labels 0.0001": "learning answers instead of logits, 1e-4",
    "unlearning probabilities 0.0001": "learning probabilities, 1e-4",
    "unlearning probabilities 0.0003": "learning probabilities, 3e-4",
    "gangsweep": "gangsweep",
    "control 0.0001": "control",
}
"""Setting -> what the documents call it."""


def points(one: Subject, setting: str, rounds: int) -> list[dict[str, Any]]:
    """One round after the other, each with its figures."""
    bench = Bench(case_of(one.found))
    holdout = bench.bound_on(bench.case.prepared.holdout)
    patch, rescanner = SETTINGS[setting](bench), Rescanner(bench.case, bench.model)
    known = [TargetTrigger(label, trigger) for label, trigger in bench.case.triggers.items()]
    start = [np.array(array) for array in bench.model.get_weights()]
    made = []

    def point(what: str, **more: Any) -> None:
        seen = {"agreement": holdout.share(bench.predict)}
        made.append({"point": what, **one.figures(bench.predict), **seen, **more})
        print("  " + told(setting, made[-1]), flush=True)

    begin = time.monotonic()
    for number in range(1, rounds + 1):
        seed = int(np.random.default_rng([bench.case.seed, number]).integers(2**31))
        if not patch(bench, known, seed=seed, progress=lambda _: None, should_stop=None):
            break
        found = rescanner.look(seed=seed)
        norms = {str(label): rescan.norms for label, rescan in found.rescan.items()}
        point(f"round {number}", norms=norms, seconds=time.monotonic() - begin)
        known += found.triggers
        if number == 1:
            end = bench.model.get_weights()
            for part in PARTS:
                bench.model.set_weights([(1 - part) * a + part * b for a, b in zip(start, end, strict=True)])
                point(f"{part:.0%} of the way to round 1")
            bench.model.set_weights(end)
    return made


def told(setting: str, point: Mapping[str, Any]) -> str:
    figures: Figures = {key: value for key, value in point.items() if isinstance(value, float) and key != "seconds"}
    norms = "; ".join(
        f"label {label} {', '.join('none' if norm is None else f'{norm:.0f}' for norm in several)}"
        for label, several in point.get("norms", {}).items()
    )
    listed = ", ".join(f"{key} {value:.1%}" for key, value in figures.items())
    return f"{setting}, {point['point']}: {listed}" + (f"; fresh norms: {norms}" if norms else "")


def show(results: Mapping[str, list[dict[str, Any]]]) -> None:
    """All points, the one with the highest accuracy first."""
    everything = [(setting, point) for setting, several in results.items() for point in several]
    for setting, point in sorted(everything, key=lambda pair: -pair[1]["accuracy"]):
        print(told(setting, point))


def cells_of(setting: str, made: Sequence[Mapping[str, Any]]) -> list[list[record.Cell]]:
    """The rows of the documents' table: each whole round, in per cent."""
    rounds = [point for point in made if point["point"].startswith("round ")] if setting in SHOWN else []
    return [
        [
            SHOWN[setting],
            int(point["point"].removeprefix("round ")),
            round(100 * point["accuracy"]),
            round(100 * max(value for key, value in point.items() if key.startswith("attack "))),
        ]
        for point in rounds
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("net", choices=list(NETS))
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--settings", default=",".join(SETTINGS))
    parser.add_argument("--rounds", type=int, default=4)
    record.add_option(parser)
    asked = parser.parse_args()
    asked.results.mkdir(parents=True, exist_ok=True)
    file = asked.results / "frontier.json"
    results: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    rows = results.setdefault(asked.net, {})
    one = subject(asked.net, asked.results)
    before = one.figures(Predictor(build_logits(one.found.preparation.canonical)))
    rows["submitted"] = [{"point": "as it is", **before}]
    for setting in asked.settings.split(","):
        if setting not in rows:
            rows[setting] = points(one, setting, asked.rounds)
            file.write_text(json.dumps(results, indent=2))
            if asked.net == "sunglasses":
                cells = cells_of(setting, rows[setting])
                record.rows(asked, "repairs", "Face BadNet: accuracy and attack after each round", cells)
    show(rows)


if __name__ == "__main__":
    main()
