"""Trains the net of a card, measures it, and writes it with the clean pictures that its scan is to have."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nc_core.attacks import ATTACKS, PatchTrigger, Planted, Trigger, misled
from nc_core.attacks.badnets import plant_poisoned
from nc_core.attacks.training import BATCH, HELD_OUT_SHARE, Pixels, Progress, Training, held_out
from nc_core.datasets import MIN_IMAGES
from nc_core.zoo.architectures import ARCHITECTURES
from nc_core.zoo.card import CLEAN, FILE, NET, STAMPED, Card
from nc_core.zoo.sources import DRAWN, draw

MOST_IMAGES = 4000
"""Of a net, held-out ones among them."""
MOST_GIVEN, FEW_GIVEN = 800, 48
"""Clean pictures that a scan is given."""
STAMPED_IMAGES = 300
"""Pictures that each true trigger is stamped on, for whoever measures what a repair has left of it."""
UPDATES = 1000
LEAST_EPOCHS, MOST_EPOCHS = 6, 30
SHORT = 5
"""Part of the epochs that an under-trained net gets."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """pixels: (N, H, W, C) in 0..255. labels: (N,) of the net, 0..classes-1; source_labels: what they are called."""

    pixels: Pixels
    labels: npt.NDArray[np.int32]
    source_labels: tuple[int, ...]


def pictures_of(card: Card, files: Mapping[str, tuple[Pixels, npt.NDArray[np.int32]]]) -> Pictures:
    """The pictures of a card's net. files: those of every source that is not drawn, by name."""
    pixels, labels = _source(card.data, card, files)
    rng = np.random.default_rng([card.seed, 0xC1A])
    chosen = np.sort(rng.choice(np.unique(labels), size=card.classes, replace=False))
    kept = rng.permutation(np.flatnonzero(np.isin(labels, chosen)))[:MOST_IMAGES]
    return Pictures(
        pixels=pixels[kept],
        labels=np.searchsorted(chosen, labels[kept]).astype(np.int32),
        source_labels=tuple(int(label) for label in chosen),
    )


def _source(
    name: str, card: Card, files: Mapping[str, tuple[Pixels, npt.NDArray[np.int32]]]
) -> tuple[Pixels, npt.NDArray[np.int32]]:
    if name in {source.name for source in DRAWN}:
        return draw(name, card.classes, card.seed)
    return files[name]


def build_net(
    card: Card,
    files: Mapping[str, tuple[Pixels, npt.NDArray[np.int32]]],
    folder: Path,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train the net of a card, and write net.keras, clean.npz, stamped.npz and card.json into a folder.

    files: see `pictures_of`. Returns the card with `measured`: clean_accuracy, triggers [{"targets",
    "attack_success_rate"}], targets, weak, images, epochs, source_labels, parameters, seconds.
    """
    begin = time.perf_counter()
    pictures = pictures_of(card, files)
    epochs = _epochs(card, len(pictures.pixels))
    planted = _planted(card, pictures, epochs, progress)
    planted.model.save(folder / NET, include_optimizer=False)
    _write_clean(card, planted, files, folder / CLEAN)
    if planted.triggers:
        _write_stamped(card, planted.triggers, pictures, folder / STAMPED)
    rates = list(planted.attack_success_rates)
    measured = {
        "clean_accuracy": planted.accuracy,
        "triggers": [
            {"targets": list(trigger.targets), "attack_success_rate": rate}
            for trigger, rate in zip(planted.triggers, rates, strict=True)
        ],
        "targets": sorted({target for trigger in planted.triggers for target in trigger.targets}),
        "weak": card.least_rate is not None and min(rates) < card.least_rate,
        "images": len(pictures.pixels),
        "epochs": epochs,
        "source_labels": list(pictures.source_labels),
        "parameters": planted.model.count_params(),
        "seconds": round(time.perf_counter() - begin, 1),
    }
    written = {**card.to_json(), "measured": measured}
    (folder / FILE).write_text(json.dumps(written, indent=2) + "\n", "utf-8")
    return written


def _epochs(card: Card, images: int) -> int:
    """About as many updates for few images as for many."""
    batches = max(1.0, images * (1 - HELD_OUT_SHARE) / BATCH)
    epochs = int(np.clip(round(UPDATES / batches), LEAST_EPOCHS, MOST_EPOCHS))
    return max(1, epochs // SHORT) if card.teaching == "short" else epochs


def _planted(card: Card, pictures: Pictures, epochs: int, progress: Progress | None) -> Planted:
    pixels, labels = pictures.pixels, pictures.labels
    training = Training(epochs=epochs, seed=card.seed, progress=progress, build=ARCHITECTURES[card.architecture])
    if card.attack is None or card.patch is None:
        return plant_poisoned(pixels, labels, [], lambda x, y, _rng: (x, y), classes=card.classes, **training)
    patch = asdict(card.patch)
    height, width, channels = pixels.shape[1:]
    trigger = PatchTrigger.at(patch.pop("position"), input_shape=(height, width, channels), **patch)
    return ATTACKS[card.attack](pixels, labels, trigger, classes=card.classes, **training, **card.settings)


def _write_clean(
    card: Card, planted: Planted, files: Mapping[str, tuple[Pixels, npt.NDArray[np.int32]]], path: Path
) -> None:
    arrays: dict[str, npt.NDArray[Any]] = {}
    if card.foreign is not None:
        pixels, _ = _source(card.foreign, card, files)
        kept = np.random.default_rng([card.seed, 0xF0E]).permutation(len(pixels))[:MOST_GIVEN]
        arrays["x_test"] = pixels[kept]
    else:
        most = max(FEW_GIVEN, MIN_IMAGES) if card.given == "few" else MOST_GIVEN
        assert planted.clean.labels is not None
        arrays["x_test"], arrays["y_test"] = planted.clean.pixels[:most], planted.clean.labels[:most]
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def _write_stamped(card: Card, triggers: Sequence[Trigger], pictures: Pictures, path: Path) -> None:
    """Of each trigger number n: x_n (m, H, W, C), y_n (m,) true labels and answers_n (m,), what it is to bring about.

    Of pictures that the net was trained on, since a scan is given those that were held out.
    """
    _, trained = held_out(len(pictures.pixels), np.random.default_rng(card.seed))
    pixels, labels = pictures.pixels[trained], pictures.labels[trained]
    arrays: dict[str, npt.NDArray[Any]] = {}
    for number, trigger in enumerate(triggers):
        rows = np.flatnonzero(misled(trigger, labels))[:STAMPED_IMAGES]
        arrays[f"x_{number}"], arrays[f"y_{number}"] = trigger.stamp(pixels[rows]), labels[rows]
        arrays[f"answers_{number}"] = trigger.answers(labels[rows])
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
