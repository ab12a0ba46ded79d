"""What a second worker brings: the whole scan by two label workers, against one that is held to one processor.

    python -m tests.benchmarks.workers MODEL DATA [--unlabelled] [--labels 0-79] [--times 2]

Runs `cleanse run --mitigate none` with one worker on one processor and with two workers on two, in turns, each under a
home of its own that ends with it, and compares the seconds of the inversion that result.json reports. Both must come
to the same norms, to the last bit.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import record

CLEANSE = str(Path(sys.executable).with_name("cleanse"))


def scan(model: str, data: str, more: list[str], *, workers: int) -> tuple[float, dict[str, Any]]:
    """One scan with a worker on each of as many processors. Returns its seconds, and result.json."""
    mine = set(sorted(os.sched_getaffinity(0))[:workers])
    with tempfile.TemporaryDirectory(prefix="cleanse-workers-") as folder:
        home, out = str(Path(folder) / "home"), Path(folder) / "out"
        options = ["--home", home, "--out", str(out), "--mitigate", "none", "--workers", str(workers), *more]
        begin = time.perf_counter()
        try:
            subprocess.run(
                [CLEANSE, "run", model, "--data", data, *options],
                stdout=subprocess.DEVNULL,
                preexec_fn=lambda: os.sched_setaffinity(0, mine),
            )
            return time.perf_counter() - begin, json.loads((out / "result.json").read_text())
        finally:
            subprocess.run([CLEANSE, "down", "--home", home], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--unlabelled", action="store_true")
    parser.add_argument("--labels", help="as `cleanse run --labels`")
    parser.add_argument("--times", type=int, default=2)
    record.add_option(parser)
    given = parser.parse_args()
    more = ["--unlabelled"] * given.unlabelled + (["--labels", given.labels] if given.labels else [])
    ratios, seconds = [], []
    for _ in range(given.times):
        (one, first), (two, second) = (scan(given.model, given.data, more, workers=count) for count in (1, 2))
        norms, others = ({label["label"]: label["norm"] for label in found["labels"]} for found in (first, second))
        assert norms == others, "norms depend on the number of workers"
        single, double = (found["timing"]["inversion_seconds"] for found in (first, second))
        ratios.append(single / double)
        seconds.append((single, double))
        print(
            f"one worker on one processor: {single:.0f} s of inversion ({one:.0f} s in all); two on two: "
            f"{double:.0f} s ({two:.0f} s); {single / double:.2f} times as fast ({one / two:.2f} in all)",
            flush=True,
        )
    print(f"two workers are {statistics.median(ratios):.2f} times as fast (median of {len(ratios)}); norms are equal")
    single, double = map(statistics.median, zip(*seconds, strict=True))
    record.rows(given, "speed", "A second worker", [["one", round(single)], ["two", round(double)]])


if __name__ == "__main__":
    main()
