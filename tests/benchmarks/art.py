"""What a label costs against the field's library: ART's Neural Cleanse for Keras, on the same net, images and labels.

    python -m tests.benchmarks.art MODEL DATA --environment FOLDER [--labels 1 19] [--images 1000] [--steps 1000]

ART does not belong to this project and lives in an environment of its own, which is made in FOLDER at the first run:
the same TensorFlow and Keras, and adversarial-robustness-toolbox. It gets the net as logits and the norm to be an L1
norm; everything else is its default. `fast` inverts as many labels as it has slots, those of --labels among them, from
the same images, before ART runs and after it, since a shared machine changes. A label of ART takes up to an hour, and
less with fewer --steps.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nc_core.datasets.prepared import Prepared
from nc_core.evaluation import attack_success_rate
from nc_core.inversion import PROFILES, Inversion, Predictor
from nc_core.profiles import SLOTS_ON_CPU
from nc_core.scanning.preparation import Preparation, prepare_scan

ART = "adversarial-robustness-toolbox==1.20.1"
ALONE = Path(__file__).with_name("art_alone.py")


def environment(folder: Path) -> Path:
    """The interpreter of ART's environment, which is made where there is none."""
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        ours = [f"{name}=={version(name)}" for name in ("tensorflow-cpu", "keras", "numpy")]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *ours, ART], check=True)
        (folder / "installed").touch()
    return python


def fast(preparation: Preparation, prepared: Prepared, labels: list[int]) -> tuple[float, dict[int, Inversion]]:
    """Seconds a label, with every slot in use, and the inversions."""
    inverter = preparation.inverter(prepared, "fast")
    inverter.invert(labels[:1], seed=99)
    begin = time.perf_counter()
    found = inverter.invert(labels, seed=0)
    return (time.perf_counter() - begin) / len(labels), {label: one for label, (one,) in found.items()}


@dataclass(frozen=True, kw_only=True)
class Theirs:
    """What ART made of a label. mask, pattern (H, W, C): its masks have channels."""

    seconds: float
    mask: npt.NDArray[np.float32]
    pattern: npt.NDArray[np.float32]

    @property
    def norm(self) -> float:
        """In pixels: the mean over the channels."""
        return float(self.mask.sum() / self.mask.shape[-1])

    def stamp(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return (1 - self.mask) * x + self.mask * self.pattern


def run_art(
    python: Path, preparation: Preparation, prepared: Prepared, labels: list[int], images: int, steps: int
) -> dict[int, Theirs]:
    """Every label in ART's environment."""
    with tempfile.TemporaryDirectory(prefix="cleanse-art-") as name:
        folder = Path(name)
        preparation.model.save(folder / "logits.keras")
        np.savez(folder / "images.npz", x=prepared.fit.x[:images], y=prepared.fit.y[:images])
        given = {"labels": labels, "classes": preparation.canonical.classes, "steps": steps}
        (folder / "given.json").write_text(json.dumps(given))
        # -P: this folder has a module named art as well. ART prints a line for every update.
        subprocess.run([python, "-P", ALONE, folder], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = json.loads((folder / "seconds.json").read_text())
        arrays = np.load(folder / "triggers.npz")
        return {
            label: Theirs(
                seconds=seconds[str(label)],
                mask=np.squeeze(arrays[f"mask{label}"]),
                pattern=np.squeeze(arrays[f"pattern{label}"]),
            )
            for label in labels
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--environment", type=Path, required=True)
    parser.add_argument("--labels", type=int, nargs="*", default=[1, 19])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=1000, help="of ART at most; 1000 is its default, and an hour")
    parser.add_argument("--slots", type=int, default=SLOTS_ON_CPU)
    given = parser.parse_args()
    python = environment(given.environment)
    preparation = prepare_scan(given.model, given.data, profile=PROFILES["fast"], slots=given.slots)
    prepared = preparation.data()
    if (prepared.domain.low != 0).any() or (prepared.domain.high != 1).any():
        raise SystemExit("ART looks for patterns in 0..1: pass a net whose input lies there")
    others = [label for label in preparation.labels if label not in given.labels]
    labels = [*given.labels, *others[: max(0, given.slots - len(given.labels))]]
    before, found = fast(preparation, prepared, labels)
    theirs = run_art(python, preparation, prepared, given.labels, given.images, given.steps)
    after, _ = fast(preparation, prepared, labels)
    predict, holdout = Predictor(preparation.model), prepared.holdout
    for label, one in theirs.items():
        stamped = predict(one.stamp(holdout.x)).argmax(axis=1)
        print(
            f"label {label}: ART {one.seconds:.0f} s, norm {one.norm:.1f}, works on "
            f"{attack_success_rate(stamped, holdout.y, label):.1%} of held-out images; "
            f"fast norm {found[label].norm or np.nan:.1f}, {found[label].attack_success_rate or np.nan:.1%}"
        )
    each, ours = np.mean([one.seconds for one in theirs.values()]), (before + after) / 2
    print(f"a label takes ART {each:.0f} s, fast {ours:.2f} s ({before:.2f} and {after:.2f}): {each / ours:.0f} times")


if __name__ == "__main__":
    main()
