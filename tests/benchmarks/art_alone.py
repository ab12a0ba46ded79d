"""What `tests.benchmarks.art` runs in ART's own environment; imports nothing of this project."""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np
from art.estimators.poison_mitigation.neural_cleanse.keras import KerasNeuralCleanse


def main(folder: Path) -> None:
    given = json.loads((folder / "given.json").read_text())
    images = np.load(folder / "images.npz")
    one_hot = np.eye(given["classes"], dtype=np.float32)
    seconds, triggers = {}, {}
    for label in given["labels"]:
        net = keras.models.load_model(folder / "logits.keras")
        net.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True), optimizer="sgd")
        cleanse = KerasNeuralCleanse(net, use_logits=True, clip_values=(0.0, 1.0), norm=1, steps=given["steps"])
        begin = time.perf_counter()
        mask, pattern = cleanse.generate_backdoor(images["x"], one_hot[images["y"]], one_hot[label])
        seconds[str(label)] = time.perf_counter() - begin
        triggers |= {f"mask{label}": mask, f"pattern{label}": pattern}
    np.savez(folder / "triggers.npz", **triggers)
    (folder / "seconds.json").write_text(json.dumps(seconds))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
