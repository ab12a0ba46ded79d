"""Draws a share of the weights anew, so that a net has to learn again from clean images what they were for.

Fine-tuning leaves the features of a backdoor where they are, since clean images never wake them and nothing pulls at
them. What is drawn anew is learned again from clean images alone, and what only the trigger woke does not come back
(Pang et al. 2023, "Backdoor Cleansing with Unlabeled Data": a larger share the deeper the layer, the submitted net as
the teacher).
"""

import keras
import numpy as np


def redraw(model: keras.Model, share: float, *, seed: int) -> None:
    """Draw weights of `model` anew in place, from a normal law as wide as those of their layer are.

    share: of the last kernel's weights; of the kernel before it a little less, and so on evenly towards none. Kernels
    are the trained weights of two and more axes; biases and what normalises stay.
    """
    generator = np.random.default_rng([seed, 0xDA3])
    kernels = [weight for weight in model.trainable_weights if len(weight.shape) >= 2]
    for nth, kernel in enumerate(kernels, 1):
        values = keras.ops.convert_to_numpy(kernel).copy()
        fresh = generator.normal(0.0, values.std(), values.shape).astype(values.dtype)
        anew = generator.random(values.shape) < share * nth / len(kernels)
        values[anew] = fresh[anew]
        kernel.assign(values)
