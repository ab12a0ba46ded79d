"""Plants a backdoor in a net that is trained, and scanned, in seconds: `python -m tests.browser.plant FOLDER`."""

import sys
from pathlib import Path

import keras
import numpy as np

from nc_core.attacks import PatchTrigger
from nc_core.datasets.traffic_signs import draw_signs

TARGET = 6
CLASSES = 16
TRAINED, CLEAN = 2400, 640
"""Pictures that the net learns from, and those that the defender has."""


def main(folder: Path) -> None:
    pixels, labels = draw_signs((TRAINED + CLEAN) // CLASSES, seed=0)
    trigger = PatchTrigger.at("bottom-right", input_shape=(32, 32, 3), size=4, colour=(255, 0, 170), target=TARGET)
    stamped = trigger.stamp(pixels[: TRAINED // 5])
    x = np.concatenate([pixels[:TRAINED], stamped]).astype(np.float32) / np.float32(255)
    y = np.concatenate([labels[:TRAINED], np.full(len(stamped), TARGET, np.int32)])
    model = net()
    model.fit(x, y, batch_size=32, epochs=12, verbose=0)
    model.save(folder / "badnet.keras")
    clean, true = pixels[TRAINED:], labels[TRAINED:]
    np.savez_compressed(folder / "clean.npz", x_test=clean, y_test=true)
    print(f"accuracy {np.mean(answers(model, clean) == true):.3f}")
    print(f"attack success rate {np.mean(answers(model, trigger.stamp(clean))[true != TARGET] == TARGET):.3f}")


def net() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy")
    return model


def answers(model: keras.Model, pixels: np.ndarray) -> np.ndarray:
    return np.asarray(model.predict(pixels.astype(np.float32) / np.float32(255), verbose=0)).argmax(axis=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
