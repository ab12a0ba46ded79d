"""Both readings of one file, side by side."""

import io
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np

from nc_core.errors import ModelRefused
from nc_core.intake.read import read_open_model
from nc_core.models import build
from tests.differential.oracle import SUFFIXES, Floats, Oracle, images

Outcome = Literal["refused", "keras does not load", "the runtime does not load", "agree", "differ", "the reader fails"]
WRONG = ("differ", "the reader fails")
TOLERANCE = 1e-4
"""Of the largest answer to the same image, or of 1 where that is smaller."""


@dataclass(frozen=True)
class Compared:
    """What became of a file; `told` is the refusal, or how far the answers lie apart."""

    outcome: Outcome
    told: str


def compare(oracle: Oracle, content: bytes, name: str) -> Compared:
    """Read a file in quarantine and with Keras, and compare the answers of both nets to the same images.

    Keras goes by the suffix, and a name is soon another: what the quarantine admits is given to Keras under each.
    """
    try:
        canonical = read_open_model(io.BytesIO(content), name=name, architecture=None)
    except ModelRefused as error:
        return Compared("refused", str(error))
    except Exception as error:
        return Compared("the reader fails", f"{type(error).__name__}: {error}")
    found = [oracle.answers(suffix, content, canonical.input_shape) for suffix in SUFFIXES]
    loaded = [theirs for theirs in found if theirs is not None]
    if not loaded:
        return Compared("keras does not load", "")
    said = build(canonical)(images(canonical.input_shape), training=False)
    ours = np.array(keras.ops.convert_to_numpy(said), np.float32)
    keras.utils.clear_session(free_memory=False)
    apart = max(distance(ours, theirs) for theirs in loaded)
    return Compared("agree" if apart <= TOLERANCE else "differ", f"{apart:.3g}")


def distance(ours: Floats, theirs: Floats) -> float:
    """How far the answers to one image lie apart at most; infinite where they are of other shapes."""
    if ours.shape != theirs.shape:
        return float("inf")
    known = np.isfinite(ours) & np.isfinite(theirs)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    if not (known | same).all():
        return float("inf")
    apart = np.where(known & ~same, np.abs(np.where(known, ours, 0) - np.where(known, theirs, 0)), 0)
    largest = np.maximum(1, np.where(known, np.abs(theirs), 0).max(axis=-1, keepdims=True))
    return float((apart / largest).max(initial=0.0))
