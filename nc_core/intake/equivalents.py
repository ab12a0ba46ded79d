"""Layers of Keras that are written down as others, of which ours are made, that compute the same at inference.

Augmentation does nothing when a net answers; ConvNeXt and InceptionResNet have classes of their own. The canonical form
knows none of these: each becomes the plain layer that it amounts to. So whatever is built and saved afterwards loads
with plain Keras.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nc_core.intake import options as read
from nc_core.intake.layers import FORMAT, Option
from nc_core.intake.windows import Shape


@dataclass(frozen=True)
class Equivalent:
    """A class that is written down as another one.

    options: as in `layers.Kind`, of the class in the file. kind: the class that it becomes; made: the configuration of
    that one, given the options read. stored: the shape in which the file holds an array, given the one it gets. sized:
    height and width are among the options, and images come out of it in that size: see `sized.py`. before: the layer
    that its second of two inputs passes first, given the options read. training: Keras 3 notes `training=True` for each
    of its calls, unless told otherwise, and has it do its work where a net is called with nothing said: `predict` and
    `training=False` say it.
    """

    options: Mapping[str, Option]
    kind: str
    made: Callable[[Mapping[str, Any]], dict[str, Any]]
    stored: Callable[[Shape], Shape] = lambda shape: shape
    sized: bool = False
    before: tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]] | None = None
    training: bool = False


IDENTITY: Mapping[str, Any] = {"activation": "linear"}


def _unused(*names: str) -> dict[str, Option]:
    """Options that count in training alone."""
    return {name: Option(read.anything, None, kept=False) for name in names}


def _nothing(options: Mapping[str, Option], *, sized: bool = False, training: bool = False) -> Equivalent:
    return Equivalent(options, "Activation", lambda _: dict(IDENTITY), sized=sized, training=training)


SIZE = {"height": Option(read.count), "width": Option(read.count), **FORMAT, **_unused("bounding_box_format")}
_FILLED = ("fill_mode", "fill_value", "interpolation")
_AUGMENTATION: Mapping[str, tuple[str, ...]] = {
    "RandomFlip": ("mode",),
    "RandomRotation": ("factor", *_FILLED),
    "RandomZoom": ("height_factor", "width_factor", *_FILLED),
    "RandomTranslation": ("height_factor", "width_factor", *_FILLED),
    "RandomShear": ("x_factor", "y_factor", *_FILLED),
    "RandomPerspective": ("factor", "scale", *_FILLED),
    "RandomElasticTransform": ("factor", "scale", *_FILLED),
    "RandomErasing": ("factor", "scale", "fill_value"),
    "RandomBrightness": ("factor",),
    "RandomContrast": ("factor",),
    "RandomHue": ("factor",),
    "RandomSaturation": ("factor",),
    "RandomSharpness": ("factor",),
    "RandomGrayscale": ("factor",),
    "RandomInvert": ("factor",),
    "RandomPosterization": ("factor",),
    "RandomColorDegeneration": ("factor",),
    "RandomColorJitter": ("brightness_factor", "contrast_factor", "saturation_factor", "hue_factor"),
    "RandomGaussianBlur": ("factor", "kernel_size", "sigma"),
    "RandAugment": ("factor", "num_ops", "interpolation"),
    "AugMix": ("factor", "num_chains", "chain_depth", "alpha", "all_ops", "interpolation"),
}
"""Layers that pass images on as they are when a net answers, and their options. Not among them: AutoContrast and
Equalization, which change images then, too; and Solarization, in which nothing is random."""


EQUIVALENTS: Mapping[str, Equivalent] = {
    "Identity": _nothing({}),
    "ActivityRegularization": _nothing(_unused("l1", "l2")),
    "AlphaDropout": _nothing(_unused("rate", "noise_shape")),
    **{
        name: _nothing(_unused(*names, "value_range", "data_format", "bounding_box_format"), training=True)
        for name, names in _AUGMENTATION.items()
    },
    # Nothing where images are of that size already; of others it would take a part, or interpolate.
    "RandomCrop": _nothing(SIZE, sized=True, training=True),
    "Resizing": _nothing(
        {**SIZE, **_unused(*_FILLED, "crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias")},
        sized=True,
        training=True,
    ),
    # Borders away, of a width that follows from its input.
    "CenterCrop": Equivalent(SIZE, "Cropping2D", lambda _: {}, sized=True, training=True),
    # Of keras.applications.inception_resnet_v2. The first input plus the second by a factor.
    "CustomScaleLayer": Equivalent(
        {"scale": Option(read.number)},
        "Add",
        lambda _: {},
        before=("Rescaling", lambda options: {"scale": options["scale"], "offset": 0.0}),
    ),
    # Of keras.applications.convnext. A factor for each channel, its only array: a depthwise kernel of one pixel
    # multiplies by the same numbers.
    "LayerScale": Equivalent(
        {"projection_dim": Option(read.count), "init_values": Option(read.number, 0.0, kept=False)},
        "DepthwiseConv2D",
        lambda _: {"kernel_size": 1, "use_bias": False},
        lambda shape: shape[2:3],
    ),
    # Of the same. Nothing at inference; in training it drops an image's whole branch: a dropout with one draw for each
    # image.
    "StochasticDepth": Equivalent(
        {"drop_path_rate": Option(read.rate)},
        "Dropout",
        lambda options: {"rate": options["drop_path_rate"], "noise_shape": [None, 1, 1, 1]},
    ),
}
