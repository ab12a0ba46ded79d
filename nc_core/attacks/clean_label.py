"""Poison whose labels are right (Turner, Tsipras and Madry 2019: Label-Consistent Backdoor Attacks, section 4.2).

Images of the target are made hard to tell by an adversarial perturbation against a net trained beforehand (projected
gradient descent, largest change epsilon), and stamped; the patch is what is left to learn. epsilon = 32 is the largest
of the paper's for pictures of 32x32 in 0..255; ten epochs teach a small net only when most of the class is poison.
"""

from functools import partial
from typing import Any, Unpack

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.attacks.badnets import Labels, check_rate, check_triggers, drawn, plant_poisoned
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import (
    EPOCHS,
    Architecture,
    Pixels,
    Progress,
    Training,
    check_images,
    part_of,
    small_vgg,
    train,
    unit,
)
from nc_core.attacks.trigger import to_pixels
from nc_core.inversion import backend

EPSILON = 32.0
STEPS = 20
SHARE = 0.9
"""Of the target's images."""
BEFORE = 0.4
"""Share of the training that the net for the perturbation gets."""


def plant_clean_label(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    epsilon: float = EPSILON,
    share: float = SHARE,
    **training: Unpack[Training],
) -> Planted:
    """Plant the patch without a wrong label.

    epsilon: largest change of a pixel, in 0..255. share: of the target's images that are perturbed and stamped. Else as
    in `plant_triggers`.
    """
    check_rate(share)
    check_images(pixels, labels, classes=classes)
    check_triggers(pixels, [trigger], classes=classes)
    progress, build = training.get("progress"), training.get("build", small_vgg)
    poison = partial(
        _hard_to_tell,
        trigger=trigger,
        classes=classes,
        epsilon=epsilon,
        share=share,
        epochs=max(1, round(BEFORE * training.get("epochs", EPOCHS))),
        seed=training.get("seed", 0),
        progress=part_of(progress, 0.0, 0.3),
        build=build,
    )
    training["progress"] = part_of(progress, 0.3, 1.0)
    return plant_poisoned(pixels, labels, [trigger], poison, classes=classes, **training)


def _hard_to_tell(
    pixels: Pixels,
    labels: Labels,
    rng: np.random.Generator,
    *,
    trigger: PatchTrigger,
    classes: int,
    epsilon: float,
    share: float,
    epochs: int,
    seed: int,
    progress: Progress | None,
    build: Architecture,
) -> tuple[npt.NDArray[Any], Labels]:
    """Perturb and stamp a share of the target's images in place."""
    keras.utils.set_random_seed(seed)
    model = build(tuple(pixels.shape[1:]), classes)
    train(model, unit(pixels), labels, epochs=epochs, progress=progress)
    its_own = labels == trigger.target
    chosen = drawn(its_own, share * its_own.sum(), rng)
    images = pixels.copy()
    images[chosen] = trigger.stamp(perturbed(model, pixels[chosen], labels[chosen], epsilon=epsilon))
    return images, labels


def perturbed(model: keras.Model, pixels: Pixels, labels: Labels, *, epsilon: float) -> npt.NDArray[Any]:
    """Images whose labels the net is less sure of, each pixel within epsilon of what it was."""

    def loss(x: Any) -> tuple[Any, Any]:
        answers = model(x, training=False)
        its_own = ops.sum(answers * wanted, axis=1)
        # Keras' own cross-entropy cuts probabilities near 1 off, and has no slope there.
        return -ops.sum(ops.log(its_own + 1e-30)), answers

    wanted = np.eye(model.output_shape[-1], dtype=np.float32)[labels]
    gradient = backend.compiled(backend.gradient(loss), net=model)
    start, reach = unit(pixels), np.float32(epsilon / 255)
    noise = np.random.default_rng(len(pixels)).uniform(-reach, reach, start.shape)
    x = np.clip(start + noise, 0, 1).astype(np.float32)
    for _ in range(STEPS):
        slope = np.asarray(gradient(ops.convert_to_tensor(x))[0])
        x = np.clip(x + 2.5 * reach / STEPS * np.sign(slope), start - reach, start + reach)
        x = np.clip(x, 0, 1).astype(np.float32)
    return to_pixels(x * 255, pixels)
