"""What a whole scan costs: `fast`, with its screening and confirmation, against `paper` on a sample of labels.

    python -m tests.benchmarks.scan MODEL DATA [--unlabelled] [--labels 0-79] [--sample 3] [--include 1] [--slots 4]

One process, one run (under `taskset -c 0` with what one label worker of the service has): the scan; then `paper` on a
random sample of the labels (seed 0, --include among them), extrapolated to all; then the same number of images as the
scan took, sent bare forward and backward through the net at the batch size at which that is fastest. --thorough also
inverts the labels of --include with `thorough`, from the starts of a confirmation, and compares the middle norms; of
label 1 the documents have a table of them.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from nc_core.datasets.prepared import Prepared
from nc_core.detection import AGAIN, middle
from nc_core.inversion import PROFILES
from nc_core.profiles import SLOTS_ON_CPU
from nc_core.scanning.preparation import Preparation, prepare_scan
from nc_core.scanning.rounds import plan
from nc_core.scanning.scan import scan_labels
from nc_tasks.request.label_ranges import parse_labels
from tests.benchmarks import record
from tests.benchmarks.inversion import bare_seconds

BATCHES = (32, 64, 128, 256)
TIMED = 40
"""Batches of each size."""


def fastest_bare(preparation: Preparation, prepared: Prepared) -> tuple[int, float]:
    """Batch size and seconds an image."""
    seconds = {
        batch: bare_seconds(preparation.model, prepared.fit.x, batch, TIMED) / (batch * TIMED) for batch in BATCHES
    }
    best = min(seconds, key=lambda batch: seconds[batch])
    return best, seconds[best]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--unlabelled", action="store_true")
    parser.add_argument("--labels", type=parse_labels)
    parser.add_argument("--sample", type=int, default=3)
    parser.add_argument("--include", type=int, nargs="*", default=[])
    parser.add_argument("--slots", type=int, default=SLOTS_ON_CPU)
    parser.add_argument("--thorough", action="store_true")
    parser.add_argument("--name", help="what the documents call the model; its file's name unless given")
    record.add_option(parser)
    given = parser.parse_args()
    preparation = prepare_scan(
        given.model,
        given.data,
        profile=PROFILES["fast"],
        unlabelled=given.unlabelled,
        labels=given.labels,
        slots=given.slots,
    )
    prepared = preparation.data()
    labels = list(preparation.labels)

    best, bare = fastest_bare(preparation, prepared)
    begin = time.perf_counter()
    found, verdict = scan_labels(preparation, prepared, plan(labels, profile="fast", seed=0), seed=0)
    seconds = time.perf_counter() - begin
    bare = (bare + fastest_bare(preparation, prepared)[1]) / 2
    images = sum(one.gradient_images for one in found.values())
    norms = {label: one.norm for label, one in found.items() if one.state == "done" and one.norm is not None}
    smallest = ", ".join(f"{label}: {norms[label]:.1f}" for label in sorted(norms, key=lambda one: norms[one])[:4])
    print(
        f"fast: {verdict.verdict} {list(verdict.flagged_labels)}, p = {verdict.p_value:.2g}; smallest {smallest}\n"
        f"fast: {len(labels)} labels in {seconds:.0f} s, {images / len(labels):.0f} gradient images a label; "
        f"{seconds / (images * bare):.2f} times the bare passes ({1000 * bare:.3f} ms an image at {best} a batch)",
        flush=True,
    )

    name = given.name or Path(given.model).name
    ratio = round(seconds / (images * bare), 2)
    cells: list[list[record.Cell]] = [[name, "fast", round(seconds), None, 1, round(images / len(labels)), ratio]]
    others = [label for label in labels if label not in given.include]
    sample = [*given.include, *np.random.default_rng(0).permutation(others).tolist()][: given.sample]
    if sample:
        begin = time.perf_counter()
        # One after another, as published: no slot is empty at the end of so few labels.
        paper = preparation.inverter(prepared, "paper", slots=1).invert(sample, seed=0)
        each = (time.perf_counter() - begin) / len(sample)
        theirs = np.mean([one.gradient_images for (one,) in paper.values()])
        print(
            f"paper: {each:.1f} s and {theirs:.0f} gradient images a label (labels {sample}); all would take "
            f"{each * len(labels):.0f} s, {each * len(labels) / seconds:.1f} times as long as fast",
            flush=True,
        )
        cells.append([name, "paper", None, round(each), round(each * len(labels) / seconds, 1), round(theirs), None])
    record.rows(given, "speed", "Beside the paper's own optimisation", cells, note=f"sample {sample}")
    if given.thorough:
        for label, several in (
            preparation.inverter(prepared, "thorough").invert(given.include, seed=0, starts=(0, *AGAIN)).items()
        ):
            one = several[middle([each.norm for each in several])]
            told = ", ".join(f"{each.norm:.2f}" for each in several if each.norm is not None)
            print(f"thorough: label {label} has norm {one.norm:.2f} (middle of {told}), fast {norms[label]:.2f}")
            if label == 1 and one.norm is not None:
                middles = [["fast", round(norms[label], 1)], ["thorough", round(one.norm, 1)]]
                record.rows(given, "speed", "The same label by two profiles", middles)


if __name__ == "__main__":
    main()
