"""What a slot program really takes: peak memory of a MobileNetV2 and a ResNet50 at 224x224 against the estimate.

python -m tests.benchmarks.memory [--slots 1 3]
"""

import argparse
import resource
import subprocess
import sys

from tests.benchmarks import record

NETS = ("MobileNetV2", "ResNet50", "VGG16")


def one(name: str, slots: int) -> None:
    """Run two steps in this process, print its peak memory beside the estimate, and last its GiB alone."""
    import keras
    import numpy as np

    from nc_core.datasets.domain import Domain
    from nc_core.datasets.prepared import Part, Prepared
    from nc_core.intake.cost import cost_of
    from nc_core.inversion import FAST, invert_labels
    from nc_core.models import activation_floats, canonical_of
    from nc_core.preflight import estimate

    model = getattr(keras.applications, name)(weights=None, classifier_activation=None)
    domain = Domain(value_range="0..1", scale=(1 / 255,) * 3, offset=(0.0,) * 3)
    x = np.zeros((32, 224, 224, 3), np.float32)
    part = Part(x=x, y=np.arange(32, dtype=np.int32))
    prepared = Prepared(fit=part, holdout=part, repair=part, labelled=True, domain=domain, classes=1000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    steps = iter([False, True])
    try:
        invert_labels(
            model,
            prepared,
            range(slots),
            profile=FAST,
            seed=0,
            slots=slots,
            should_stop=lambda: next(steps, True),
        )
    except Exception as end:
        print(type(end).__name__, end="; ")
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    guess = estimate(cost_of(canonical_of(model)), slots=slots, profile=FAST, fit_images=32)
    each = peak / (slots * FAST.batch * activation_floats(model))
    print(
        f"{name} {slots} slots of {FAST.batch}: {peak / 2**30:.2f} GiB beyond the loaded net, "
        f"estimated {guess / 2**30:.2f} GiB, {each:.2f} bytes per activation"
    )
    print(peak / 2**30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--slots", type=int, nargs="*", default=[1, 3])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    record.add_option(parser)
    given = parser.parse_args()
    if given.one:
        one(given.one[0], int(given.one[1]))
        return
    for name in NETS:
        for slots in given.slots:
            # Peak memory is a process' own and never falls: one process each.
            command = [sys.executable, "-m", "tests.benchmarks.memory", "--one", name, str(slots)]
            told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
            print(*told[:-1], sep="\n", flush=True)
            rows = [[f"{name}, 224x224, slots: {slots}", round(float(told[-1]), 2)]]
            record.rows(given, "speed", "Memory of the batched program", rows)


if __name__ == "__main__":
    main()
