"""Mutates valid files for a while: do the readers hold, and does the quarantine answer for each?

    python -m tests.hostile.fuzz [--seconds 300 | --mutations 1000000] [--start 0] [--quarantined 1000]
    [--keep FOLDER] [--record]

Most mutations go to the readers themselves, in a process that is started anew when one of them ends it: an end is
counted, and kept in the folder, since libhdf5 is not ours to mend. Every such file, and as many others as
--quarantined says, is then read in the real quarantine, which must answer each with a refusal or an admissible result.
Exit code 1 where a reader raises what it should not, or the quarantine does not answer.
"""

import argparse
import io
import os
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from nc_core.datasets.layout import Wanted
from nc_core.datasets.reading import read_file
from nc_core.errors import InputRefused
from nc_core.intake.read import read_open_model
from nc_core.quarantine.admit import admit_images, admit_model
from tests import tiny_architecture
from tests.benchmarks import record
from tests.hostile.mutations import DATA, MODELS, ONNX, PYTORCH, mutated
from tests.hostile.saved_model_mutations import SAVED

TITLE = "Random changes of valid files, by kind"
NAMES = {
    "model": "Keras files",
    "onnx": "ONNX files",
    "pytorch": "PyTorch weights",
    "saved": "SavedModels",
    "data": "data files",
}
BATCH = 200
SECONDS_EACH = 4
_KINDS = {"model": MODELS, "onnx": ONNX, "pytorch": PYTORCH, "saved": SAVED, "data": DATA}
_SUFFIXES = {"model": ".h5", "onnx": ".onnx", "pytorch": "", "saved": ".zip", "data": ".h5"}
FOR_US = re.compile(r"\w*(Error|Exception|Interrupt|Warning)\b|Traceback|\.py\b")
"""What stands in no refusal: an exception of Python, a place in a program."""


def read(kind: str, content: bytes) -> None:
    """Read a mutation in this process."""
    if kind == "data":
        read_file(io.BytesIO(content), Wanted(), labelled=True)
    elif kind == "pytorch":
        with tiny_architecture.known():
            read_open_model(io.BytesIO(content), name="weights", architecture=tiny_architecture.NAME)
    else:
        read_open_model(io.BytesIO(content), name=f"model{_SUFFIXES[kind]}")


def refused(error: InputRefused) -> str:
    """How a refusal is counted: it is one line for people, without a word of Python's."""
    line = str(error)
    if "\n" in line:
        return "refused-in-several-lines"
    return "refused-in-Python" if FOR_US.search(line) else "refused"


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _batch(kind: str, numbers: range, told: int) -> None:
    """Read mutations; one line for each to `told`, its number and what came of it."""
    _limited()
    for number in numbers:
        os.write(told, f"{number} began\n".encode())
        used = resource.getrusage(resource.RUSAGE_SELF)
        end = int(used.ru_utime + used.ru_stime) + SECONDS_EACH
        resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))
        try:
            read(kind, mutated(_KINDS[kind], number))
            outcome = "read"
        except InputRefused as error:
            outcome = refused(error)
        except MemoryError:
            outcome = "memory"
        except Exception as error:
            outcome = f"raised-{type(error).__name__}:{'-'.join(str(error).split())[:80]}"
        os.write(told, f"{number} {outcome}\n".encode())


def run_batch(kind: str, numbers: range) -> dict[int, str]:
    """Number -> outcome, of the mutations up to the one that ended the process, if any ("died-SIGNAL")."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(ours)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            _batch(kind, numbers, theirs)
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours) as lines:
        outcomes = {int(number): outcome for number, outcome in (line.split() for line in lines)}
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return {n: f"died-{-status}" if outcome == "began" else outcome for n, outcome in outcomes.items()}


def in_quarantine(kind: str, content: bytes) -> str:
    """What the real quarantine makes of a mutation: "admitted", "refused", or what it should not."""
    admit: Callable[[Path], object] = admit_images if kind == "data" else admit_model
    with tempfile.NamedTemporaryFile(suffix=_SUFFIXES[kind]) as file:
        file.write(content)
        file.flush()
        try:
            admit(Path(file.name))
        except InputRefused as error:
            return refused(error)
        except Exception as error:
            return f"raised-{type(error).__name__}"
    return "admitted"


class Faults:
    """What should not have happened, each kind once, with the number of the first such mutation."""

    def __init__(self) -> None:
        self.first: dict[tuple[str, str], int] = {}
        self.count: Counter[tuple[str, str]] = Counter()

    def add(self, kind: str, number: int, what: str) -> None:
        self.first.setdefault((kind, what), number)
        self.count[kind, what] += 1

    def lines(self) -> list[str]:
        return [
            f"{kind} {number}: {what} ({self.count[kind, what]} times)" for (kind, what), number in self.first.items()
        ]


def main() -> int:
    """Mutate until the time is over, or as often as is asked; print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=float, default=300.0)
    length.add_argument("--mutations", type=int, help="go on until so many were read, however long it takes")
    parser.add_argument("--start", type=int, default=0, help="number of the first mutation")
    parser.add_argument("--quarantined", type=int, default=1000, help="mutations that are also read in quarantine")
    parser.add_argument("--keep", type=Path, help="folder for what ends a reader")
    record.add_option(parser)
    given = parser.parse_args()
    begin = time.monotonic()
    found: dict[str, Counter[str]] = {kind: Counter() for kind in _KINDS}
    quarantined: dict[str, Counter[str]] = {kind: Counter() for kind in _KINDS}
    deaths: list[tuple[str, int]] = []
    faults = Faults()
    for kind, number, outcome in _sample(given, quarantined):
        faults.add(kind, number, f"in quarantine: {outcome}")
    at = dict.fromkeys(_KINDS, given.start)
    while _goes_on(given, time.monotonic() - begin, sum(counts.total() for counts in found.values())):
        kind = min(at, key=lambda each: at[each])
        outcomes = run_batch(kind, range(at[kind], at[kind] + BATCH))
        at[kind] = max(outcomes, default=at[kind]) + 1
        found[kind].update(outcome.partition(":")[0] for outcome in outcomes.values())
        deaths += [(kind, n) for n, outcome in outcomes.items() if outcome.startswith("died")]
        for number, outcome in outcomes.items():
            if outcome.startswith(("raised", "refused-in")):
                faults.add(kind, number, outcome)
    for kind, number in deaths:
        content = mutated(_KINDS[kind], number)
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            (given.keep / f"{kind}-{number}").write_bytes(content)
        outcome = in_quarantine(kind, content)
        quarantined[kind][f"{outcome}, ends a reader"] += 1
        if outcome != "refused":
            faults.add(kind, number, f"in quarantine: {outcome}")
    for kind in _KINDS:
        print(f"{kind}: readers {dict(found[kind])}; quarantine {dict(quarantined[kind])}")
    print(*faults.lines(), sep="\n")
    record.rows(given, "files", TITLE, [_cells(name, found[kind]) for kind, name in NAMES.items()])
    return 1 if faults.first else 0


def _cells(name: str, counts: Counter[str]) -> list[record.Cell]:
    """A kind's row: what is neither read nor refused nor ends the reader should not have happened."""
    ended = sum(number for outcome, number in counts.items() if outcome.startswith("died") or outcome == "memory")
    other = counts.total() - counts["read"] - counts["refused"] - ended
    return [name, counts.total(), counts["read"], counts["refused"], ended, other]


def _goes_on(given: argparse.Namespace, seconds: float, read: int) -> bool:
    return seconds < given.seconds if given.mutations is None else read < given.mutations


def _sample(given: argparse.Namespace, quarantined: dict[str, Counter[str]]) -> list[tuple[str, int, str]]:
    """Have mutations read in quarantine; returns those that it did not answer as it should."""
    wrong = []
    for number in range(given.start, given.start + given.quarantined // len(_KINDS)):
        for kind, seeds in _KINDS.items():
            outcome = in_quarantine(kind, mutated(seeds, number))
            quarantined[kind][outcome] += 1
            if outcome not in ("refused", "admitted"):
                wrong.append((kind, number, outcome))
    return wrong


if __name__ == "__main__":
    sys.exit(main())
