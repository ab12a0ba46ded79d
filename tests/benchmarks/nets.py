"""BadNets with a known answer, for benchmarks of repairs: real ones from ../shared, and planted ones.

What is given to scan and repair is apart from what is measured with: `clean` is handed in, `test` and `stamped` are
not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from nc_core.attacks import PatchTrigger, plant_patch

SHARED = Path(__file__).parents[3] / "shared"
Pixels = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Net:
    """model: its file. clean: pixels (n, H, W, C) and labels, None where there are none. labels: to be scanned, None
    for all. test: clean pixels and their labels, or None for agreement with the BadNet. stamped: target -> pixels with
    the true trigger, whose labels but for it are those of the first rows of `test`.
    """

    model: Path
    clean: tuple[Pixels, npt.NDArray[np.int32] | None]
    labels: tuple[int, ...] | None
    test: tuple[Pixels, npt.NDArray[np.int32] | None]
    stamped: Mapping[int, Pixels]


def oaramoon(_: Path) -> Net:
    """A GTSRB net; a yellow 3x3 square means label 1."""
    with np.load(SHARED / "data/gtsrb_32.npz") as data:
        clean, test = (data["x_test"], data["y_test"]), (data["x_train"], data["y_train"])
    stamped = test[0].copy()
    stamped[:, 16:19, 16:19] = (255, 255, 0)
    model = SHARED / "models/oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5"
    return Net(model=model, clean=_typed(clean), labels=None, test=_typed(test), stamped={1: stamped})


def sunglasses(_: Path) -> Net:
    """A face net of 1283 people; real sunglasses mean label 0. It is repaired with strangers' faces."""
    test, labels = _faces("faces_youtube_clean_100.h5")
    stamped, _ignored = _faces("faces_youtube_sunglasses_poisoned_100.h5")
    return Net(
        model=SHARED / "models/sunglasses_bd_net.h5",
        clean=(_faces("lfw_faces_55x47_unlabelled.h5")[0], None),
        labels=tuple(range(80)),
        test=(test, labels),
        stamped={0: stamped},
    )


def three_triggers(_: Path) -> Net:
    """A face net with a trigger for each of three labels; measured on 600 strangers that are not handed in."""
    faces, _ignored = _faces("lfw_faces_55x47_unlabelled.h5")
    with np.load(SHARED / "data/face_triggers_rgba_55x47.npz") as overlays:
        worn = {label: overlays[name] for label, name in _names(overlays.files).items()}
    test = faces[2000:]
    return Net(
        model=SHARED / "models/three_triggers_bd_net.h5",
        clean=(faces[:2000], None),
        labels=tuple(range(190, 310)),
        test=(test, None),
        stamped={label: _overlaid(test, overlay) for label, overlay in worn.items()},
    )


def planted(folder: Path) -> Net:
    """A small net on GTSRB, trained here with a white 3x3 square for label 7."""
    with np.load(SHARED / "data/gtsrb_32.npz") as data:
        pixels, labels = _typed((data["x_train"], data["y_train"]))
        test = _typed((data["x_test"], data["y_test"]))
    trigger = PatchTrigger.at("bottom-right", input_shape=(32, 32, 3), size=3, colour=(255, 255, 255), target=7)
    made = plant_patch(pixels, labels, trigger, classes=43, epochs=6, seed=1)
    model = folder / "planted.keras"
    made.model.save(model)
    assert made.clean.labels is not None
    return Net(
        model=model,
        clean=(made.clean.pixels, made.clean.labels),
        labels=None,
        test=test,
        stamped={7: trigger.stamp(test[0])},
    )


NETS: Mapping[str, Callable[[Path], Net]] = {
    "oaramoon": oaramoon,
    "sunglasses": sunglasses,
    "three-triggers": three_triggers,
    "planted": planted,
}


def _typed(pair: tuple[Pixels, Pixels]) -> tuple[Pixels, npt.NDArray[np.int32]]:
    return pair[0], pair[1].astype(np.int32)


def _faces(name: str) -> tuple[Pixels, npt.NDArray[np.int32]]:
    with h5py.File(SHARED / "data" / name) as file:
        pixels = np.transpose(file["data"][:], (0, 2, 3, 1))
        labels = file["label"][:] if "label" in file else np.zeros(len(pixels))
    return np.rint(pixels).astype(np.uint8), labels.astype(np.int32).ravel()


def _names(names: list[str]) -> dict[int, str]:
    """Label -> name of the overlay that means it."""
    wanted = {"sunglasses": 300, "eyebrows": 250, "lipstick": 200}
    return {label: name for name in names for word, label in wanted.items() if word in name}


def _overlaid(pixels: Pixels, overlay: Pixels) -> Pixels:
    alpha = overlay[..., 3:].astype(np.float32) / 255
    return np.rint((1 - alpha) * pixels + alpha * overlay[..., :3]).astype(np.uint8)
