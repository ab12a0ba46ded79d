"""Whether a source-specific backdoor stands out among a net's pairs of classes, and from pairs of clean nets.

    python -m tests.benchmarks.pairs FOLDER --zoo ZOO [--nets 0,1] [--record]

A trigger that works on images of one class alone, while cover samples keep the others where they are, is as large as
anything else where all images are asked. So each pair of a source s and a target t is asked on images of s alone: how
small, in the L2 norm, is one perturbation that sends nine of ten of them to t (`nc_core.inversion.universal`)? Pairs
of classes that look alike are cheap by nature. Two things give a planted pair away (UMD, Xiang et al. ICML 2023; K-Arm,
Shen et al. ICML 2021):

    residual    log norm(s, t) = a_s + b_t + r, fitted by medians (Tukey 1977, median polish): how far -r lies out
    asymmetry   likeness goes both ways and a backdoor one way: how far r(t, s) - r(s, t) lies out

each in robust deviations of the net's own pairs. A pair has to stand out by both, so its number is the smaller of the
two, and that of a net is the largest of its pairs. Where no perturbation sends nine of ten images of s to t, the
largest norm of the net stands in.

The planted nets are of cells of the zoo's first two thirds, by which things may be chosen, and kept in FOLDER/nets;
the clean ones of ten classes are those of a zoo that `cleanse zoo build` made, with pictures of their own and without
its held-out third. Norms are kept in FOLDER/pairs.jsonl, and what stands there is not computed again.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nc_core.attacks.training import Pixels
from nc_core.datasets.prepared import Prepared
from nc_core.inversion import FAST, Predictor
from nc_core.inversion.loop import Job, run
from nc_core.inversion.perturbation import RATE, PerturbationLoop, PerturbationProgram
from nc_core.inversion.universal import SCALES, scale_at
from nc_core.models import scores_of
from nc_core.zoo.build import build_net
from nc_core.zoo.card import FILE, Card, Patch, read_card
from nc_core.zoo.folder import NETS, nets, new_net
from nc_core.zoo.plan import LEAST_RATE, POSITIONS
from nc_core.zoo.scanning import prepare_net
from nc_core.zoo.sources import SIGNS, read_source
from nc_core.zoo.statistics import auroc
from tests.benchmarks import record
from tests.benchmarks.twins import GREY, SHARED

CELLS = (
    ("plain", "gtsrb_32"),
    ("plain", "mnist_t10k"),
    ("residual", "signs"),
    ("vgg", "gtsrb_32"),
)
"""Architecture and pictures of the planted nets, none of them held out."""
SIZES = (3, 6)
CLASSES = 10
SLOTS = 16
SEED = 16
LEAST_FITTED, OTHERS = 8, 24
"""Images of a source that a perturbation is made of, at least, and others that it is measured on: as many at most."""
POLISHES = 20
TABLE = "Pairs of classes, planted source-specific nets and clean ones"

Matrix = npt.NDArray[np.float64]
Row = dict[str, Any]


def cards() -> Iterator[Card]:
    """The planted nets: a square patch on images of the class after the target."""
    rng = np.random.default_rng(SEED)
    for number, (architecture, data) in enumerate(CELLS):
        size = int(rng.integers(SIZES[0], SIZES[1] + 1))
        colour = tuple(int(value) for value in rng.permutation([255, 0, int(rng.integers(256))]))
        seed, target = int(rng.integers(2**31)), int(rng.integers(CLASSES))
        patch = Patch(
            target=target,
            size=size,
            position=POSITIONS[3 - number % 4],
            colour=(255,) if data in GREY else colour,
        )
        yield Card(
            number=number,
            third="choose",
            data=data,
            architecture=architecture,
            classes=CLASSES,
            seed=seed,
            attack="source-specific",
            patch=patch,
            least_rate=LEAST_RATE,
        )


def planted(root: Path, numbers: Sequence[int]) -> Iterator[Path]:
    """Folders of the planted nets, trained where they are not there."""
    for card in (card for card in cards() if card.number in numbers):
        path = root / NETS / card.name
        if not (path / FILE).is_file():
            with new_net(root, card) as made:
                print(card.name, build_net(card, _pictures(card.data), made)["measured"], flush=True)
        yield path


def clean(zoo: Path) -> Iterator[Path]:
    """Folders of a zoo's clean nets of ten classes, in order."""
    for path in nets(zoo):
        net = read_card(path)
        if (net["attack"], net["classes"], net["given"]) == (None, CLASSES, "own") and net["third"] != "held-out":
            yield path


def _pictures(data: str) -> dict[str, tuple[Pixels, npt.NDArray[np.int32]]]:
    if data == SIGNS:
        return {}
    _, images = read_source(SHARED / f"{data}.npz")
    assert images.labels is not None
    return {data: (images.pixels, images.labels)}


def log_norms(folder: Path) -> Matrix:
    """(N, N): log of the smallest norm that sends images of the row's class to the column's; NaN where none does."""
    preparation = prepare_net(folder, seed=0)
    prepared = preparation.data()
    program = preparation.inverter(prepared, FAST.name).universal.loop.program
    predict, classes = Predictor(scores_of(preparation.model)[0], batch=192), preparation.canonical.classes
    jobs = dict(_jobs(prepared, predict, classes))
    found = np.full((classes, classes), np.nan)
    for direction in run(PerturbationLoop(program, SLOTS), jobs):
        source, images = jobs[direction.job]
        norm = _norm(program, predict, direction.delta, images, direction.job.label)
        found[source, direction.job.label] = np.nan if norm is None else np.log(norm)
    return found


def _jobs(
    prepared: Prepared, predict: Predictor, classes: int
) -> Iterator[tuple[Job, tuple[int, npt.NDArray[np.float32]]]]:
    """A job of each pair -> its source, and the images that it is measured on."""
    others = np.concatenate([prepared.holdout.x, prepared.repair.x])
    fitted, measured = (predict(x).argmax(axis=1) for x in (prepared.fit.x, others))
    for source in range(classes):
        pool, images = np.flatnonzero(fitted == source), others[measured == source][:OTHERS]
        if min(len(pool), len(images)) < LEAST_FITTED:
            continue
        for target in set(range(classes)) - {source}:
            yield Job(label=target, pool=pool, generator=np.random.default_rng([0, source, target])), (source, images)


def _norm(
    program: PerturbationProgram,
    predict: Predictor,
    delta: npt.NDArray[np.float32],
    images: npt.NDArray[np.float32],
    target: int,
) -> float | None:
    low, high = program.layout.low, program.layout.high
    shown = np.concatenate([np.clip(images + np.float32(scale) * delta, low, high) for scale in SCALES])
    answers = predict(shown.astype(np.float32)).argmax(axis=1).reshape(len(SCALES), len(images))
    scale = scale_at(RATE, np.maximum.accumulate((answers == target).mean(axis=1)))
    return None if scale is None else scale * program.norm(delta)


class Standing(NamedTuple):
    """Of every pair (N, N), in robust deviations of them all, large where a pair is cheap for its classes; minus
    infinity on the diagonal."""

    residual: Matrix
    asymmetry: Matrix
    smaller: Matrix


def standing(row: Row) -> Standing:
    """How the pairs of a net stand out."""
    norms = np.array(row["log_norms"], float)
    left = np.where(np.isnan(norms), np.nanmax(norms), norms)
    np.fill_diagonal(left, np.nan)
    for _ in range(POLISHES):
        left -= np.nanmedian(left, axis=1, keepdims=True)
        left -= np.nanmedian(left, axis=0, keepdims=True)
    residual, asymmetry = (_deviations(values) for values in (-left, left.T - left))
    return Standing(residual, asymmetry, np.minimum(residual, asymmetry))


def _deviations(values: Matrix) -> Matrix:
    of_one = 1.4826 * np.nanmedian(np.abs(values - np.nanmedian(values)))
    return np.where(np.isnan(values), -np.inf, values / of_one)


def row_of(folder: Path, known: Path) -> Row:
    """What is known of a net, measured where it is not."""
    rows = [json.loads(line) for line in known.read_text("utf-8").splitlines()] if known.is_file() else []
    for row in rows:
        if row["net"] == folder.name:
            return dict(row)
    card = read_card(folder)
    target = card["patch"]["target"] if card["attack"] else None
    row = {
        "net": folder.name,
        "what": f"{card['architecture']} on {card['data']}, {card['classes']} classes, net {card['number']}",
        "patch": f"{card['patch']['size']}x{card['patch']['size']}" if card["attack"] else "clean",
        "pair": None if target is None else [(target + 1) % card["classes"], target],
        "rate": card["measured"]["triggers"][0]["attack_success_rate"] if card["attack"] else None,
        "log_norms": log_norms(folder).round(4).tolist(),
    }
    with known.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    return row


def cells(row: Row) -> list[record.Cell]:
    """The row of one net in the documents: numbers of its first pair, and where the planted one is among all."""
    found = standing(row)
    first = np.unravel_index(int(found.smaller.argmax()), found.smaller.shape)
    ours = None if row["pair"] is None else float(found.smaller[tuple(row["pair"])])
    return [
        row["what"],
        row["patch"],
        None if row["rate"] is None else round(100 * row["rate"], 1),
        f"{first[0]} to {first[1]}",
        *(round(float(each[first]), 1) for each in found),
        None if ours is None else f"{row['pair'][0]} to {row['pair'][1]}",
        None if ours is None else 1 + int((found.smaller > ours).sum()),
        None if ours is None else round(ours, 1),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--zoo", type=Path, required=True)
    parser.add_argument("--nets", default=",".join(str(number) for number in range(len(CELLS))))
    record.add_option(parser)
    given = parser.parse_args()
    rows = []
    numbers = [int(number) for number in given.nets.split(",")]
    for folder in chain(planted(given.folder, numbers), clean(given.zoo)):
        rows.append(row_of(folder, given.folder / "pairs.jsonl"))
        print(*cells(rows[-1]), flush=True)
    for name in Standing._fields:
        of = {kind: [_largest(row, name) for row in rows if (row["pair"] is None) == kind] for kind in (False, True)}
        print("AUROC of the largest", name, auroc(of[False], of[True]))
    record.rows(given, "detection", TABLE, [cells(row) for row in rows])


def _largest(row: Row, name: str) -> float:
    return float(getattr(standing(row), name).max())


if __name__ == "__main__":
    main()
