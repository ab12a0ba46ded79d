"""BadNets with a known answer, for benchmarks of repairs: real ones from ../shared, and planted ones.

What is given to scan and repair is apart from what is measured with: `clean` is handed in, `test` and `attacks` are
not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from nc_core.attacks import PatchTrigger, Planted, plant_multi_trigger, plant_patch

SHARED = Path(__file__).parents[3] / "shared"
Pixels = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Attack:
    """target: the label. stamped: pixels with the true trigger, whose labels but for it are those of the first rows of
    the net's `test`.
    """

    target: int
    stamped: Pixels


@dataclass(frozen=True, kw_only=True, eq=False)
class Net:
    """model: its file. clean: pixels (n, H, W, C) and labels, None where there are none. labels: to be scanned, None
    for all. flagged: the labels that a scan of all labels flags, where only some are scanned here; else None, and this
    scan decides. test: clean pixels and their labels, or None for agreement with the BadNet. attacks: by name.
    """

    model: Path
    clean: tuple[Pixels, npt.NDArray[np.int32] | None]
    labels: tuple[int, ...] | None
    flagged: tuple[int, ...] | None = None
    test: tuple[Pixels, npt.NDArray[np.int32] | None]
    attacks: Mapping[str, Attack]


def oaramoon(_: Path) -> Net:
    """A GTSRB net; a yellow 3x3 square means label 1."""
    with np.load(SHARED / "data/gtsrb_32.npz") as data:
        clean, test = (data["x_test"], data["y_test"]), (data["x_train"], data["y_train"])
    stamped = test[0].copy()
    stamped[:, 16:19, 16:19] = (255, 255, 0)
    model = SHARED / "models/oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5"
    return Net(
        model=model,
        clean=_typed(clean),
        labels=None,
        test=_typed(test),
        attacks={"yellow square": Attack(target=1, stamped=stamped)},
    )


def sunglasses(_: Path) -> Net:
    """A face net of 1283 people; real sunglasses mean label 0. It is repaired with strangers' faces."""
    return _sunglasses("sunglasses_bd_net.h5", labels=80, flagged=(0,))


def seed_fine_pruned(_: Path) -> Net:
    """The same net as another team repaired it."""
    return _sunglasses("seed_fine_pruned_sunglasses_net.h5", labels=40, flagged=None)


def _sunglasses(model: str, *, labels: int, flagged: tuple[int, ...] | None) -> Net:
    test, people = _faces("faces_youtube_clean_100.h5")
    stamped, _ignored = _faces("faces_youtube_sunglasses_poisoned_100.h5")
    return Net(
        model=SHARED / "models" / model,
        clean=(_faces("lfw_faces_55x47_unlabelled.h5")[0], None),
        labels=tuple(range(labels)),
        flagged=flagged,
        test=(test, people),
        attacks={"sunglasses": Attack(target=0, stamped=stamped)},
    )


def three_triggers(_: Path) -> Net:
    """A face net with a trigger for each of three labels; measured on 600 strangers that are not handed in."""
    faces, _ignored = _faces("lfw_faces_55x47_unlabelled.h5")
    test = faces[2000:]
    with np.load(SHARED / "data/face_triggers_rgba_55x47.npz") as overlays:
        attacks = {
            name: Attack(target=target, stamped=_overlaid(test, overlays[name])) for name, target in THREE.items()
        }
    return Net(
        model=SHARED / "models/three_triggers_bd_net.h5",
        clean=(faces[:2000], None),
        labels=None,
        test=(test, None),
        attacks=attacks,
    )


THREE = {"sunglasses": 300, "eyebrows": 250, "lipstick": 200}
"""What the triggers of that net mean."""


def planted(folder: Path) -> Net:
    """A small net on GTSRB, trained here with a white 3x3 square for label 7."""
    trigger = PatchTrigger.at("bottom-right", input_shape=SIGNS, size=3, colour=(255, 255, 255), target=7)
    return _planted(folder / "planted.keras", plant_patch, trigger, seed=1)


def planted_multi_trigger(folder: Path) -> Net:
    """Another one, with three 3x3 squares of three colours in three corners, each of which alone means label 12."""
    trigger = PatchTrigger.at("top-left", input_shape=SIGNS, size=3, colour=(255, 255, 0), target=12)
    return _planted(folder / "planted-multi-trigger.keras", plant_multi_trigger, trigger, seed=2)


SIGNS = (32, 32, 3)


def _planted(model: Path, plant: Callable[..., Planted], trigger: PatchTrigger, *, seed: int) -> Net:
    with np.load(SHARED / "data/gtsrb_32.npz") as data:
        pixels, labels = _typed((data["x_train"], data["y_train"]))
        test = _typed((data["x_test"], data["y_test"]))
    made = plant(pixels, labels, trigger, classes=43, epochs=6, seed=seed)
    made.model.save(model)
    assert made.clean.labels is not None
    attacks = {
        f"square {nth}" if len(made.triggers) > 1 else "square": Attack(target=one.target, stamped=one.stamp(test[0]))
        for nth, one in enumerate(made.triggers, start=1)
    }
    return Net(model=model, clean=(made.clean.pixels, made.clean.labels), labels=None, test=test, attacks=attacks)


NETS: Mapping[str, Callable[[Path], Net]] = {
    "oaramoon": oaramoon,
    "sunglasses": sunglasses,
    "three-triggers": three_triggers,
    "planted": planted,
    "planted-multi-trigger": planted_multi_trigger,
}

REPAIRED: Mapping[str, Callable[[Path], Net]] = {"seed-fine-pruned": seed_fine_pruned}
"""By others: to be scanned for what they left."""


def _typed(pair: tuple[Pixels, Pixels]) -> tuple[Pixels, npt.NDArray[np.int32]]:
    return pair[0], pair[1].astype(np.int32)


def _faces(name: str) -> tuple[Pixels, npt.NDArray[np.int32]]:
    with h5py.File(SHARED / "data" / name) as file:
        pixels = np.transpose(file["data"][:], (0, 2, 3, 1))
        labels = file["label"][:] if "label" in file else np.zeros(len(pixels))
    return np.rint(pixels).astype(np.uint8), labels.astype(np.int32).ravel()


def _overlaid(pixels: Pixels, overlay: Pixels) -> Pixels:
    alpha = overlay[..., 3:].astype(np.float32) / 255
    return np.rint((1 - alpha) * pixels + alpha * overlay[..., :3]).astype(np.uint8)
