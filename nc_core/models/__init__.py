"""Builds Keras nets from canonical models, from a table of layer classes, never from a configuration."""

from nc_core.models.build import build, build_logits
from nc_core.models.convert import canonical_of, with_weights
from nc_core.models.head import strip_head
from nc_core.models.keras_file import save_keras
from nc_core.models.memory import activation_floats, forward_floats
from nc_core.models.precision import Compute, check_compute, in_precision
from nc_core.models.scores import scores_of

__all__ = [
    "Compute",
    "activation_floats",
    "build",
    "build_logits",
    "canonical_of",
    "check_compute",
    "forward_floats",
    "in_precision",
    "save_keras",
    "scores_of",
    "strip_head",
    "with_weights",
]
