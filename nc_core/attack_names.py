"""What the attacks are called and where their patch may lie: for those who name them and load no Keras."""

from typing import Literal

AttackName = Literal[
    "badnets",
    "random-position",
    "blended-noise",
    "blended-picture",
    "sinusoid",
    "warping",
    "input-dependent",
    "low-frequency",
    "colour-shift",
    "clean-label",
    "all-to-all",
    "source-specific",
    "partial",
    "low-rate",
    "latent",
    "inversion-aware",
    "adaptive",
    "multi-target",
    "multi-trigger",
    "pruning-aware",
    "trojan",
]
"""Keys of `nc_core.attacks.ATTACKS`."""
Position = Literal["top-left", "top-right", "bottom-left", "bottom-right", "centre"]
