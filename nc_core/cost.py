"""What it costs to push pictures through a net, from the shapes of its layers alone (no Keras, no weights)."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from nc_core.intake.canonical import CanonicalModel, Layer
from nc_core.intake.meaning import Meaning, meaning
from nc_core.intake.windows import Shape, WeightShapes

BYTES_PER_ACTIVATION = 3.0
"""Peak bytes of a forward and backward pass for each float that a layer puts out.

Activations kept for the gradient take 4 bytes each; gradients are freed on the way, and in-place operations (ReLU,
batch normalisation in inference mode) keep no copy of their own. Measured with the slot program at 224x224 by
tests/benchmarks/memory.py.
"""

SECONDS_PER_MULTIPLY_ADD = 4.1e-11
SECONDS_PER_ACTIVATION = 1.73e-9
"""Of one processor, for one picture forward and backward. They give back within 5% what scans took on a shared x86
machine: 1,360 pictures a second and worker of a GTSRB net at 32x32, 20 of a MobileNetV2 at 224x224, and a batch of 32
face pictures in 16 ms."""


@dataclass(frozen=True, kw_only=True)
class NetCost:
    """Of one picture, forward: its own values, the values that layers put out, multiplications with additions.

    parameters: of the net.
    """

    image: int
    activations: int
    multiply_adds: int
    parameters: int

    @property
    def gradient_seconds(self) -> float:
        """About what one picture takes on one processor, forward and backward."""
        return self.multiply_adds * SECONDS_PER_MULTIPLY_ADD + self.activations * SECONDS_PER_ACTIVATION


def cost_of(model: CanonicalModel) -> NetCost:
    """The cost of a canonical model."""
    found = meaning(model.layers, model.nodes, model.output, model.input_shape)
    return NetCost(
        image=prod(model.input_shape),
        activations=sum(map(prod, found.shapes)),
        multiply_adds=sum(_calls(model, found)),
        parameters=model.parameters,
    )


def program_bytes(*, image: int, activations: int, parameters: int, slots: int, batch: int, fit_images: int) -> int:
    """Estimated peak bytes of a slot program of so many slots with a batch of pictures each."""
    stamped = slots * batch * (activations + 4 * image) * BYTES_PER_ACTIVATION
    return int(stamped + 2 * 4 * parameters + 4 * image * fit_images)


def _calls(model: CanonicalModel, found: Meaning) -> Iterator[int]:
    """Multiplications with additions of every call of a layer."""
    for node, output in zip(model.nodes, found.shapes, strict=True):
        if node.layer is not None:
            source = found.shapes[node.inputs[0]]
            yield _call(model.layers[node.layer], source, output, found.weight_shapes[node.layer])


def _call(layer: Layer, source: Shape, output: Shape, weights: WeightShapes) -> int:
    """A kernel is applied at every place of the output, a transposed one at every place of the input."""
    places = prod((source if layer.kind == "Conv2DTranspose" else output)[:-1])
    return places * sum(prod(shape) for shape in weights.values() if len(shape) > 1)
