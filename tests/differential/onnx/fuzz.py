"""Changes ONNX files for a while, and reads each here and with ONNX Runtime.

    python -m tests.differential.onnx.fuzz [--files 20000] [--start 0] [--every 1]

To build a net and to run it takes most of the time: with --every 20 one of twenty files is compared, the others
are only read. Prints what became of them and every disagreement; exit code 1 where there is one.
"""

import argparse
import math
import sys
from collections import Counter

import numpy as np
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from nc_core.errors import ModelRefused
from nc_core.intake.limits import within
from tests.differential.compare import TOLERANCE, Compared, distance
from tests.differential.onnx.compare import images, ours, read, theirs
from tests.hostile.mutations import ONNX, mutated

VALUES = 2**22
"""Of the images of one file, so that a large one does not take all the time."""


def compare(content: bytes, *, read_only: bool = False) -> Compared:
    """Read a file here, and where that does, also with ONNX Runtime, unless it is only to be read."""
    try:
        model = read(content)
        within(math.prod(model.input_shape), VALUES, "values in an image")
    except ModelRefused as error:
        return Compared("refused", str(error))
    except Exception as error:
        return Compared("the reader fails", f"{type(error).__name__}: {error}")
    if read_only:
        return Compared("read", "")
    given = images(model.input_shape)
    try:
        expected = expected_of(content, given)
    except RUNTIME_REFUSES as error:
        return Compared("the runtime does not load", str(error).splitlines()[0])
    try:
        found = ours(model, given)
    except ModelRefused as error:
        return Compared("refused", str(error))
    apart = distance(found, expected)
    return Compared("agree" if apart <= TOLERANCE else "differ", f"{apart:.3g}")


def expected_of(content: bytes, given: np.ndarray) -> np.ndarray:
    """What ONNX Runtime answers, whichever layout the file has, and however many images it takes at once."""
    first = np.ascontiguousarray(given.transpose(0, 3, 1, 2))
    failed: Exception | None = None
    for each in (first, given):
        try:
            return np.asarray(theirs(content, each))
        except RUNTIME_REFUSES as error:
            failed = failed or error
    raise failed or ValueError(content)


RUNTIME_REFUSES = (
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.InvalidProtobuf,
    runtime.NotImplemented,
    runtime.RuntimeException,
)


def main() -> int:
    """Change and compare; print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--start", type=int, default=0, help="number of the first change")
    parser.add_argument("--every", type=int, default=1, help="compare one of so many")
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    wrong = []
    for number in range(given.start, given.start + given.files):
        found = compare(mutated(ONNX, number), read_only=number % given.every != 0)
        counts[found.outcome] += 1
        if found.outcome in ("differ", "the reader fails"):
            wrong.append(f"{number}: {found.outcome}, {found.told}")
            print(wrong[-1], flush=True)
    print(f"{given.files} files: {dict(counts)}", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
