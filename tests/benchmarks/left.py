"""What a scan makes of nets with a known answer, beside what their true triggers do: the norm of every target label.

    python -m tests.benchmarks.left [NET ...] --results FOLDER

NET is one of tests/benchmarks/nets.py; without one it is the net that another team repaired, beside the one that it was
made of. Scans are kept in FOLDER and read from there another time.
"""

import argparse
from pathlib import Path

import numpy as np

from nc_core.inversion import Predictor
from tests.benchmarks.nets import NETS, REPAIRED
from tests.benchmarks.subjects import Subject, subject


def report(name: str, one: Subject) -> None:
    """Print the verdict, and for each true trigger its rate and the norm of its label."""
    found, figures = one.found.detection, one.figures(Predictor(one.found.preparation.model))
    norms = {label: found.norm for label, found in one.found.inversions.items() if found.norm is not None}
    median = float(np.median(list(norms.values())))
    print(
        f"{name}: {found.verdict}, flagged {list(found.flagged_labels)}, suspects {list(found.suspects)}, p = "
        f"{found.p_value:.2g}; {len(norms)} labels with a norm, median {median:.1f}; accuracy {figures['accuracy']:.1%}"
    )
    for trigger, attack in one.net.attacks.items():
        inversion = one.found.inversions[attack.target]
        place = 1 + sum(norm < norms.get(attack.target, np.inf) for norm in norms.values())
        print(
            f"  {trigger}: label {attack.target} has norm {inversion.norm} ({inversion.state}), number {place} in size;"
            f" the true trigger works on {figures[f'attack {trigger}']:.1%}, {figures[f'recovery {trigger}']:.1%} get "
            "their true label all the same"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("nets", nargs="*", default=["sunglasses", *REPAIRED], choices=[*NETS, *REPAIRED])
    parser.add_argument("--results", type=Path, required=True)
    asked = parser.parse_args()
    asked.results.mkdir(parents=True, exist_ok=True)
    for name in asked.nets:
        report(name, subject(name, asked.results))


if __name__ == "__main__":
    main()
