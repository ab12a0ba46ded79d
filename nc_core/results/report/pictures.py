"""Triggers and perturbations as pictures, alone and on a clean image, as PNG data URIs."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from nc_core.datasets import Images
from nc_core.datasets.domain import Domain
from nc_core.results.numbers import significant
from nc_core.results.triggers import TriggerArrays

GREY = 127.5
SIDE = 128
"""Pictures smaller than this are enlarged by a whole factor, so that one input pixel is one sharp square."""


@dataclass(frozen=True, kw_only=True)
class TriggerPictures:
    """One label's trigger: addresses of PNGs, or data URIs. `clean`, `stamped`: None without a picture to stamp."""

    mask: str
    pattern: str
    clean: str | None
    stamped: str | None


def trigger_pictures(
    label: int, triggers: TriggerArrays, examples: Images | None, preflight: Mapping[str, Any]
) -> TriggerPictures | None:
    """The pictures of a label's trigger, None where the scan found none for it."""
    found = triggers.of(label)
    if found is None:
        return None
    return pictures_of(*found, None if examples is None else example_outside(label, examples), preflight)


def pictures_of(
    mask: npt.NDArray[np.float32],
    pattern: npt.NDArray[np.float32],
    example: npt.NDArray[np.float32] | None,
    preflight: Mapping[str, Any],
) -> TriggerPictures:
    """Of a mask (H, W) and a pattern (H, W, C) in the model's domain; example (H, W, C): pixels to stamp."""
    mask, pattern = mask[..., None], domain_of(preflight).to_pixels(pattern)  # (H, W, 1), (H, W, C)
    return TriggerPictures(
        mask=data_uri(255 * mask),
        pattern=data_uri(mask * pattern),
        clean=None if example is None else data_uri(example),
        stamped=None if example is None else data_uri(stamped(example, mask, pattern)),
    )


@dataclass(frozen=True, kw_only=True)
class PerturbationPictures:
    """A universal perturbation: around grey, so many times as strong; and a clean picture with it, as strong as it is,
    None without a picture."""

    around_grey: str
    times: str
    perturbed: str | None


def perturbation_pictures(
    label: int, perturbation: npt.NDArray[np.float32], examples: Images | None, preflight: Mapping[str, Any]
) -> PerturbationPictures:
    """perturbation (H, W, C), in the model's domain."""
    added = perturbation / np.asarray(preflight["scale"], np.float32)  # (H, W, C) in pixels
    times = GREY / max(float(np.abs(added).max()), 1e-6)
    example = None if examples is None else example_outside(label, examples)
    return PerturbationPictures(
        around_grey=data_uri(GREY + times * added),
        times=significant(times, 2),
        perturbed=None if example is None else data_uri(example + added),
    )


def stamped(
    example: npt.NDArray[np.float32], mask: npt.NDArray[np.float32], pattern: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """The picture (H, W, C) with the trigger on it; mask (H, W, 1) in 0..1, pattern (H, W, C) in pixels."""
    return (1 - mask) * example + mask * pattern


def domain_of(preflight: Mapping[str, Any]) -> Domain:
    """The map between pixels and the model's input that the preflight has found."""
    return Domain(
        value_range=str(preflight["value_range"]),
        scale=tuple(preflight["scale"]),
        offset=tuple(preflight["offset"]),
    )


def example_outside(label: int, examples: Images) -> npt.NDArray[np.float32] | None:
    """The first picture (H, W, C) of another class: a trigger shows what it does on those."""
    if examples.labels is None:
        others = np.arange(min(1, len(examples)))
    else:
        others = np.flatnonzero(examples.labels != label)
    return examples.pixels[others[0]].astype(np.float32) if len(others) else None


def data_uri(pixels: npt.NDArray[Any]) -> str:
    """Pixels (H, W, C) in 0..255 -> data:image/png;base64,..., as `png` draws them."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode("ascii")


def png(pixels: npt.NDArray[Any]) -> bytes:
    """Pixels (H, W, C) in 0..255 as a PNG, enlarged by nearest neighbour.

    One channel is grey, three are red, green and blue; of any other number the mean is shown.
    """
    shown = pixels if pixels.shape[-1] in (1, 3) else pixels.mean(axis=-1, keepdims=True)
    whole = np.clip(np.rint(shown), 0, 255).astype(np.uint8)
    factor = max(1, round(SIDE / max(whole.shape[:2])))
    enlarged = whole.repeat(factor, axis=0).repeat(factor, axis=1)
    image = Image.fromarray(enlarged[..., 0] if enlarged.shape[-1] == 1 else enlarged)
    stream = io.BytesIO()
    # Not optimised: of enlarged pictures that takes twelve times as long, for 3% of their bytes.
    image.save(stream, "PNG")
    return stream.getvalue()
