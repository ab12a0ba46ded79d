"""How long the confined intake takes, start of its process included.

    python -m tests.benchmarks.intake [MODEL] [--data FILE] [--repeats 5]

Without a model: a ResNet50 of 100 MB at 224x224, of random weights. Prints seconds from the path to the checked
model, processor time of the child, and its peak memory; the first line is the start of the child alone.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from nc_core.quarantine import admit, process
from nc_core.quarantine.process import Ended
from tests.benchmarks import record

_IMPORTS = "import nc_core.quarantine.child, nc_core.intake.read"


def measure(what: str, work: Callable[[], object], repeats: int) -> float:
    """Print the median and the range of the seconds that `work` takes; returns the median."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    print(f"{what}: {median(seconds):.3f} s (of {repeats}: {min(seconds):.3f} to {max(seconds):.3f})")
    return median(seconds)


def resnet(folder: Path) -> Path:
    """ResNet50 of keras.applications with random weights."""
    path = folder / "resnet50.keras"
    program = "import keras, sys; keras.applications.ResNet50(weights=None, classes=1000).save(sys.argv[1])"
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)  # apart: Keras takes memory that is measured
    return path


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    record.add_option(parser)
    given = parser.parse_args()
    children: list[Ended] = []

    def run(*arguments: object) -> Ended:
        children.append(process.run(*arguments))  # type: ignore[arg-type]
        return children[-1]

    admit.run = run  # type: ignore[assignment]
    measure("start", lambda: subprocess.run([sys.executable, "-I", "-c", _IMPORTS], check=True), given.repeats)
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or resnet(Path(folder))
        size = model.stat().st_size
        seconds = measure(f"{model.name}, {size:,} bytes", lambda: admit.admit_model(model), given.repeats)
    peak = _told(children)
    name = f"{given.model.stem if given.model else 'ResNet50'}, {size / 1e6:.3g} MB"
    record.rows(given, "files", "Confined reading", [[name, round(seconds, 2), round(peak / 2**20)]])
    if given.data:
        children.clear()
        data: Path = given.data
        measure(data.name, lambda: admit.admit_images(data, poisoned=True), given.repeats)
        _told(children)


def _told(children: list[Ended]) -> int:
    """Print what the children took; returns the most memory of one, in bytes."""
    seconds, peak = median(child.seconds for child in children), max(child.peak for child in children)
    print(f"  its child: {seconds:.3f} s of processor time, at most {peak / 2**20:.0f} MiB")
    return peak


if __name__ == "__main__":
    main()
