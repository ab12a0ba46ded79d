"""How much a norm depends on what should not matter: other slots (K = 1 or 8) and other seeds.

    python -m tests.benchmarks.determinism MODEL DATA [--labels 12] [--include 1]

Prints the norms at K = 1 and K = 8 with their median difference, the verdict of each, and the spread of the smallest
norms over three seeds.
"""

import argparse
from dataclasses import replace

import numpy as np

from nc_core.inversion import PROFILES
from nc_core.scanning.preparation import prepare_scan
from nc_core.scanning.rounds import plan
from nc_core.scanning.scan import scan_labels
from tests.benchmarks import record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--labels", type=int, default=12, help="0: all")
    parser.add_argument("--include", type=int, nargs="*", default=[])
    record.add_option(parser)
    given = parser.parse_args()
    profile = PROFILES["fast"]
    preparation = prepare_scan(given.model, given.data, profile=profile)
    prepared = preparation.data()
    others = [label for label in range(preparation.canonical.classes) if label not in given.include]
    count = given.labels or preparation.canonical.classes
    labels = sorted([*given.include, *others[: max(0, count - len(given.include))]])
    runs: dict[tuple[int, int], dict[int, float | None]] = {
        (slots, seed): {} for slots, seed in ((1, 0), (8, 0), (8, 1), (8, 2))
    }
    for slots, seed in runs:
        rounds = plan(labels, profile=profile.name, seed=seed)
        found, verdict = scan_labels(replace(preparation, slots=slots), prepared, rounds, seed=seed)
        runs[slots, seed] = {label: inversion.norm for label, inversion in found.items()}
        norms = ", ".join(f"{label}: {norm:.2f}" for label, norm in runs[slots, seed].items() if norm is not None)
        print(f"K = {slots}, seed {seed}: {verdict.verdict} {list(verdict.flagged_labels)}; {norms}", flush=True)
    one, eight = runs[1, 0], runs[8, 0]
    gaps = [abs(one[label] - eight[label]) / eight[label] for label in labels if one[label] and eight[label]]
    print(f"norms at K = 1 against K = 8: median difference {np.median(gaps):.1%}, largest {max(gaps):.1%}")
    of_slots = f"median difference of norms between 1 and 8 slots, {len(labels)} labels, %"
    figures: list[list[record.Cell]] = [
        [of_slots, round(100 * float(np.median(gaps)))],
        ["largest difference, %", round(100 * max(gaps))],
    ]
    smallest = sorted(labels, key=lambda label: eight[label] or np.inf)[:3]
    for label in smallest:
        spread = [runs[8, seed][label] for seed in range(3)]
        print(f"label {label} over three seeds: {', '.join(f'{norm:.2f}' for norm in spread if norm is not None)}")
        names = (f"norm of label {label}, {nth} seed, pixels" for nth in ("first", "second", "third"))
        figures += [[name, round(norm, 1)] for name, norm in zip(names, spread, strict=True) if norm is not None]
    record.rows(given, "speed", "What a norm depends on", figures)


if __name__ == "__main__":
    main()
