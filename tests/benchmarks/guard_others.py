"""What a guarded net calls of triggers that nobody found, and that its repair left alive.

    python -m tests.benchmarks.guard_others FOLDER [--record]

Nets with three triggers on three labels, repaired of the first one alone, as if a scan had found no other: planted ones
of three architectures and sources of pictures, kept in FOLDER, and a real face net, repaired with 2,600 faces of
strangers. The planted ones are asked about stamped pictures that they were trained on, which no repair was shown; the
face net about held-out faces with the real triggers. Repaired nets are not scanned again.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from nc_core.detection import detect
from nc_core.guard import guard_pair
from nc_core.inversion import PROFILES, Predictor
from nc_core.mitigation import Case, Whole, unlearn
from nc_core.models import build_logits
from nc_core.scanning.preparation import prepare_scan
from nc_core.zoo.card import STAMPED, Card, Patch, read_card
from tests.benchmarks import guard, record
from tests.benchmarks.nets import SHARED
from tests.benchmarks.trigger_free import case_of, planted

TABLE = "Triggers that nobody found, and the guarded net"
NETS = (("plain", "gtsrb_32", (255, 255, 0)), ("plain", "mnist_t10k", (255,)), ("residual", "signs", (255, 255, 0)))
FACES, FIRST = "three_triggers_bd_net.h5", 200
"""The label that lipstick sends faces to is the one that is repaired."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Attacked:
    """Images (n, H, W, C) in the model's domain with one trigger, and the label that it sends them to."""

    name: str
    target: int
    x: npt.NDArray[np.float32]


def cards() -> list[Card]:
    """A planted net of each kind; its second and third trigger are for the labels after the first one's."""
    stamp = Patch(target=3, size=4, position="bottom-right", colour=())
    return [
        Card(
            number=number,
            third="choose",
            data=data,
            architecture=architecture,
            classes=10,
            attack="multi-target",
            patch=replace(stamp, colour=colour),
            seed=900 + number,
            least_rate=0.8,
        )
        for number, (architecture, data, colour) in enumerate(NETS)
    ]


def of_zoo(folder: Path) -> tuple[Case, list[Attacked]]:
    """A planted net, of which the first label was found, and its triggers."""
    case, first = case_of(folder), read_card(folder)["measured"]["targets"][0]
    with np.load(folder / STAMPED) as stamped:
        count = sum(name.startswith("x_") for name in stamped)
        attacks = [
            Attacked(
                name=f"patch {number + 1}",
                target=int(stamped[f"answers_{number}"][0]),
                x=case.prepared.domain.to_model(stamped[f"x_{number}"]),
            )
            for number in range(count)
        ]
    return replace(case, triggers={first: case.triggers[first]}), attacks


def of_faces() -> tuple[Case, list[Attacked]]:
    """The real face net, of which lipstick was found, and its triggers on held-out faces."""
    preparation = prepare_scan(
        SHARED / "models" / FACES,
        SHARED / "data/lfw_faces_55x47_unlabelled.h5",
        profile=PROFILES[guard.PROFILE],
        value_range="0..1",
        unlabelled=True,
        labels=[FIRST],
    )
    case = guard.case_of(preparation, (FIRST,))
    unknown = replace(detect([], classes=case.prepared.classes, pixels=1), flagged_labels=(), suspects=())
    case = replace(case, whole=lambda *_, **__: Whole(detection=unknown, inversions={}, reference=frozenset()))
    predict, faces = Predictor(build_logits(case.canonical)), case.prepared.holdout.x
    with np.load(SHARED / "data/face_triggers_rgba_55x47.npz") as overlays:
        shown = {name: worn(faces, overlays[name]) for name in overlays}
    return case, [
        Attacked(name=name, target=int(np.bincount(predict(x).argmax(axis=1)).argmax()), x=x)
        for name, x in shown.items()
    ]


def worn(faces: npt.NDArray[np.float32], overlay: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Faces in 0..1 with an overlay (H, W, 4)."""
    colour, cover = overlay[..., :3] / np.float32(255), overlay[..., 3:] / np.float32(255)
    return (faces * (1 - cover) + cover * colour).astype(np.float32)


def measured(name: str, case: Case, attacks: list[Attacked]) -> Iterator[list[record.Cell]]:
    """A row for each trigger."""
    repair = unlearn(case)
    found = guard_pair(case.canonical, repair.goodnet, tuple(case.triggers), case.prepared)
    bad, good, guarded = (
        Predictor(net) for net in (build_logits(case.canonical), build_logits(repair.goodnet), found.model)
    )
    for attack in attacks:
        attacked = bad(attack.x).argmax(axis=1) == attack.target
        left = good(attack.x).argmax(axis=1) == attack.target
        called = guarded(attack.x).argmax(axis=1) == case.prepared.classes
        yield [
            f"{name}, {attack.name}",
            "repaired" if attack.target in case.triggers else "not found",
            *(_percent(share) for share in (attacked.mean(), left.mean(), called.mean(), (left & ~called).mean())),
            _percent(found.clean_rate),
        ]


def _percent(share: float) -> float:
    return round(100 * float(share), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    record.add_option(parser)
    given = parser.parse_args()
    nets = [
        (f"{card.architecture} net on {card.data}", *of_zoo(folder))
        for card, folder in zip(cards(), planted(given.folder, cards()), strict=True)
    ]
    rows: list[list[record.Cell]] = []
    for name, case, attacks in [*nets, ("face net", *of_faces())]:
        for cells in measured(name, case, attacks):
            print(*cells, flush=True)
            rows.append(cells)
        keras.backend.clear_session()
    record.rows(given, "repairs", TABLE, rows)


if __name__ == "__main__":
    main()
