"""Draws nets, has Keras save them, changes the files, and reads each with both readers, for a while.

    python -m tests.differential.fuzz [--seconds 3600 | --files 100000] [--start 0] [--keep FOLDER]

Prints how many nets were built and files read, what became of them, and every disagreement; exit code 1 where there is
one. `--start` is the seed of the first round; rounds go on from it.
"""

import argparse
import json
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.differential.compare import WRONG, Compared, compare
from tests.differential.mutations import File, Mutated, mutated
from tests.differential.oracle import Oracle
from tests.differential.recipes import Recipe, recipes

NETS_A_ROUND = 50
MUTATIONS_A_FILE = 12


def saved(oracle: Oracle, recipe: Recipe) -> list[File]:
    """The files of a net in every format that Keras saves it in."""
    return [File(suffix, content) for suffix, content in oracle.files(recipe).items()]


def changes(files: list[File], chance: random.Random, count: int) -> Iterator[Mutated]:
    """Files made of these."""
    for file in files:
        for _ in range(count):
            yield mutated(file, chance.choice(files), chance)


def round_of(number: int, nets: int, each: Callable[[Recipe], None]) -> None:
    """Draw nets, the same for the same number."""

    @seed(number)
    @settings(
        max_examples=nets,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(recipes())
    def draw(recipe: Recipe) -> None:
        each(recipe)

    draw()


class Tally:
    """Counts, and what disagreed."""

    def __init__(self, keep: Path | None) -> None:
        self.nets = 0
        self.valid: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.keep = keep

    @property
    def files(self) -> int:
        """Files read so far."""
        return self.valid.total() + self.changed.total()

    def count(self, found: Compared, file: Mutated, of: Counter[str], recipe: Recipe) -> None:
        of[found.outcome] += 1
        if found.outcome not in WRONG:
            return
        self.wrong.append(f"{file.name}: {found.outcome}, {found.told}; {json.dumps(recipe)[:300]}")
        if self.keep is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
            (self.keep / f"{len(self.wrong)}-{file.name}").write_bytes(file.content)


def main() -> int:
    """Go on until the time is over or the files are read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=float, default=300.0)
    length.add_argument("--files", type=int, help="go on until so many were read, however long it takes")
    parser.add_argument("--start", type=int, default=0, help="seed of the first round")
    parser.add_argument("--keep", type=Path, help="folder for files that are read differently")
    given_ = parser.parse_args()
    warnings.simplefilter("ignore")
    tally, begin, number = Tally(given_.keep), time.monotonic(), given_.start
    with Oracle() as oracle:

        def over() -> bool:
            if given_.files is not None:
                return tally.files >= given_.files
            return time.monotonic() - begin > given_.seconds

        def each(recipe: Recipe) -> None:
            if over():
                return
            tally.nets += 1
            files = saved(oracle, recipe)
            for file in files:
                valid = Mutated(file.suffix, file.content, f"model{file.suffix}")
                tally.count(compare(oracle, valid.content, valid.name), valid, tally.valid, recipe)
            for changed in changes(files, random.Random(tally.nets + 10**6 * number), MUTATIONS_A_FILE):
                tally.count(compare(oracle, changed.content, changed.name), changed, tally.changed, recipe)

        while not over():
            round_of(number, NETS_A_ROUND, each)
            number += 1
            print(f"{time.monotonic() - begin:.0f} s, rounds {given_.start} to {number - 1}: {told(tally)}", flush=True)
    print(*tally.wrong, sep="\n")
    return 1 if tally.wrong else 0


def told(tally: Tally) -> str:
    """The counts on one line."""
    return f"{tally.nets} nets; their files {dict(tally.valid)}; changed files {dict(tally.changed)}"


if __name__ == "__main__":
    sys.exit(main())
