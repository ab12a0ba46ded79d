"""Nets of two classes with one linear output: a logit, or a number that is 0 for the one class and 1 for the other.

Their files do not say which. With labels both are tried; without, it is read as a logit, which is what nets are trained
for by `from_logits=True`.
"""

from dataclasses import replace

from nc_core.datasets import Images
from nc_core.intake import CanonicalModel, Layer, Node
from nc_core.intake.names import usable
from nc_core.models import build_logits
from nc_core.preflight import Pace, accuracy_tie, best_accuracy

HALF = 0.5
INSTEAD = f"put keras.layers.Rescaling(1.0, offset=-{HALF}) behind the net and submit that"


def as_logit(
    canonical: CanonicalModel, images: Images, *, value_range: str, pace: Pace
) -> tuple[CanonicalModel, str | None]:
    """The net whose one output is above 0 for class 1, and what there is to say about it; others as they are.

    images: of the net's input shape, labelled or not. value_range, pace: as in `preflight.check`.
    """
    if canonical.head != "single-logit":
        return canonical, None
    said = "the model's one output has no sigmoid: it is read as a logit, class 1 where it is above 0"
    if images.labels is None:
        return canonical, f"{said}; if its classes part at {HALF} instead, {INSTEAD}"
    less = _less_half(canonical)
    zero, half = (
        best_accuracy(build_logits(net), images, value_range=value_range, pace=pace) for net in (canonical, less)
    )
    if half - zero <= accuracy_tie(min(pace.probe, len(images.pixels))):
        return canonical, said
    return less, (
        f"the model's one output has no sigmoid, and parts the classes at {HALF} (right on {half:.1%} of images, at 0 "
        f"on {zero:.1%}): it is read less {HALF}, and a repaired net puts out that number"
    )


def _less_half(canonical: CanonicalModel) -> CanonicalModel:
    name = usable("less_half", {layer.name for layer in canonical.layers})
    return replace(
        canonical,
        layers=(*canonical.layers, Layer(name=name, kind="Rescaling", options={"scale": 1.0, "offset": -HALF})),
        nodes=(*canonical.nodes, Node(layer=len(canonical.layers), inputs=(canonical.output,))),
        output=len(canonical.nodes),
    )
