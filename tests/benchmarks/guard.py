"""What guarded nets call: true triggers, clean images, and clean images of the flagged classes themselves.

    python -m tests.benchmarks.guard MODEL DATA --flagged 0 --poisoned FILE --clean FILE [--unlabelled]
        [--methods unlearning,filter] [--rates 0.001,0.01,0.05]

The flagged labels are given, not found: their triggers are reversed from DATA, the net is repaired with DATA, and the
threshold is set by DATA. --poisoned and --clean are files that nothing was learned from, --clean with true labels.
Printed for every method and rate: the threshold; the share called of the poisoned images, of the held-out images of
DATA, of --clean, and of those of --clean that are truly of a flagged class (with how many there are).
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from nc_core.datasets import Images
from nc_core.inversion import ALL_PROFILES, PROFILES, Predictor
from nc_core.mitigation import METHODS, Case, guard_of
from nc_core.quarantine.admit import admit_images
from nc_core.scanning.preparation import Preparation, prepare_scan
from nc_core.scanning.rounds import plan
from nc_core.scanning.whole import WholeNet
from nc_tasks.request.label_ranges import parse_labels

PROFILE = "fast"


def case_of(preparation: Preparation, flagged: tuple[int, ...]) -> Case:
    """A case as a scan would make it that flagged these labels, without norms of others to compare with."""
    prepared = preparation.data()
    found = preparation.inverter(prepared, PROFILE).invert(flagged, seed=0)
    triggers = {label: one.trigger for label, (one,) in found.items() if one.trigger is not None}
    for label, (one,) in found.items():
        print(f"label {label}: {one.state}, norm {one.norm}, works on {one.attack_success_rate} of held-out images")
    return Case(
        canonical=preparation.canonical,
        prepared=prepared,
        triggers=triggers,
        still_flagged=lambda _: False,
        whole=WholeNet(
            prepared=prepared,
            rounds=plan(preparation.labels, profile=PROFILE, seed=0),
            slots=preparation.slots,
            alpha=0.05,
        ),
        seed=0,
        profile=ALL_PROFILES[PROFILE],
        slots=preparation.slots,
    )


def report(case: Case, method: str, rates: list[float], poisoned: Images, clean: Images) -> None:
    """Print one line a rate."""
    begin = time.perf_counter()
    repair = METHODS[method](replace(case, false_positive_rate=rates[0]))
    domain, classes = case.prepared.domain, case.prepared.classes
    print(f"{method}: {time.perf_counter() - begin:.0f} s, {'; '.join(repair.notes)}", flush=True)
    own = np.isin(clean.labels, list(case.triggers))
    for rate in rates:
        given = replace(case, false_positive_rate=rate)
        guard = guard_of(given, METHODS[method](given) if repair.guard else repair)
        predict = Predictor(guard.model)
        called = [predict(domain.to_model(images.pixels)).argmax(axis=1) == classes for images in (poisoned, clean)]
        of_class = (
            f"{called[1][own].mean():.3f} of {own.sum()} of the flagged class" if own.any() else "none of the class"
        )
        print(
            f"  rate {rate:g}: threshold {guard.threshold.value:.2f}; called {called[0].mean():.3f} of {len(poisoned)} "
            f"poisoned, {guard.clean_rate:.4f} of {guard.clean_images} held-out, "
            f"{called[1].mean():.3f} of {len(clean)} clean, {of_class}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--flagged", type=parse_labels, required=True)
    parser.add_argument("--poisoned", type=Path, required=True)
    parser.add_argument("--clean", type=Path, required=True)
    parser.add_argument("--unlabelled", action="store_true")
    parser.add_argument("--methods", default="unlearning,filter")
    parser.add_argument("--rates", default="0.001,0.01,0.05")
    given = parser.parse_args()
    preparation = prepare_scan(
        given.model, given.data, profile=PROFILES[PROFILE], unlabelled=given.unlabelled, labels=given.flagged
    )
    shape = preparation.canonical.input_shape
    poisoned = admit_images(given.poisoned, input_shape=shape, poisoned=True)
    clean = admit_images(given.clean, input_shape=shape)
    case = case_of(preparation, given.flagged)
    for method in given.methods.split(","):
        report(case, method, [float(rate) for rate in given.rates.split(",")], poisoned, clean)


if __name__ == "__main__":
    main()
