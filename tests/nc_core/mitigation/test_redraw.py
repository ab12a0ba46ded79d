"""Weights drawn anew: how many of each layer, and how they are spread."""

import keras
import numpy as np
import pytest

from nc_core.mitigation.redraw import redraw


def net() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(32, 3),
            layers.BatchNormalization(),
            layers.Conv2D(64, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(64),
        ]
    )


@pytest.mark.parametrize("share", [0.2, 0.8, 1.0])
def test_a_deeper_layer_has_a_larger_share_of_its_weights_drawn_anew(share: float) -> None:
    # Given a net of three kernels
    model = net()
    before = model.get_weights()
    # When a share of its weights is drawn anew
    redraw(model, share, seed=1)
    after = model.get_weights()
    # Then it is a third of it, two thirds and all of it, as widely spread as before; the rest is what it was
    kernels = [nth for nth, array in enumerate(before) if array.ndim >= 2]
    changed = [float((before[nth] != after[nth]).mean()) for nth in kernels]
    assert changed == pytest.approx([share / 3, 2 * share / 3, share], abs=0.06)
    for nth in kernels:
        assert after[nth].std() == pytest.approx(before[nth].std(), rel=0.1)
    for nth in set(range(len(before))) - set(kernels):
        np.testing.assert_array_equal(before[nth], after[nth])


def test_the_seed_says_which() -> None:
    nets = [net() for _ in range(3)]
    for model, seed in zip(nets, (1, 1, 2), strict=True):
        redraw(model, 0.5, seed=seed)
    one, same, other = (model.get_weights()[0] for model in nets)
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
