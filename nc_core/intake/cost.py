"""What it costs to push pictures through a net, from the shapes of its layers alone (no Keras, no weights)."""

from dataclasses import dataclass
from math import ceil, prod

from nc_core.intake.analysis import analyse
from nc_core.intake.canonical import CanonicalModel
from nc_core.intake.limits import POOLING

BYTES_PER_ACTIVATION = 3.3
"""Peak bytes of a forward and backward pass for each float that a layer puts out.

Activations kept for the gradient take 4 bytes each; gradients are freed on the way, and in-place operations (ReLU,
batch normalisation in inference mode) keep no copy of their own. Measured with the slot program at 224x224 by
tests/benchmarks/memory.py (1.5 to 3.0), and on nets of one or two layers, which set the rest.
"""
BYTES_OF_LARGEST = 6.0
"""For each float of the largest output besides: it and its gradient are there at once, whatever was freed."""
BYTES_OF_WORKING = 8.0
"""For each float that layers hold beside their outputs."""
BYTES_FORWARD = 5.0
"""Of a pass forward alone, for each float of outputs and working memory: nothing is counted as freed, because branches
are computed in any order."""

SECONDS_PER_MULTIPLY_ADD = 4.1e-11
SECONDS_PER_ACTIVATION = 1.73e-9
"""Of one processor, for one picture forward and backward. They give back within 5% what scans took on a shared x86
machine: 1,360 pictures a second and worker of a GTSRB net at 32x32, 20 of a MobileNetV2 at 224x224, and a batch of 32
face pictures in 16 ms."""

SECONDS_PER_GROUPED = 6e-8
"""The gradient of a grouped convolution, 32 to 160 channels in 4 to 64 groups at 32x32 (2 to 7e-8): 50 to 500 times as
long as its multiplications would take."""

FORWARD_PER_OPERATION = 1.5e-11
FORWARD_PER_VALUE = 2.5e-9
"""Seconds of one processor for a pass forward, from nets of one layer, where nothing hides behind the arithmetic."""
BACKWARD_PER_READ = 2e-9
"""The same for the way back through large pooling windows that overlap."""


BATCH_SECONDS = 0.1
"""Of an update: what starting the operations of a large net takes is far less. One, two and four slots push 59, 58 and
55 pictures a processor second through a MobileNetV2 at 224x224, 10.9, 11.0 and 11.4 through a ResNet50, and a slot
without a label costs as much as one with."""


@dataclass(frozen=True, kw_only=True)
class NetCost:
    """Of one picture, forward: its own values, the values that layers put out, multiplications with additions.

    parameters: of the net. largest: values of the largest output. working: values that layers hold beside their
    outputs. window_reads, grouped: as in `intake.effort`.
    """

    image: int
    activations: int
    multiply_adds: int
    parameters: int
    largest: int = 0
    working: int = 0
    window_reads: int = 0
    grouped: int = 0

    @property
    def gradient_seconds(self) -> float:
        """About what one picture takes on one processor, forward and backward."""
        plain = self.multiply_adds * SECONDS_PER_MULTIPLY_ADD + self.activations * SECONDS_PER_ACTIVATION
        return plain + self.grouped * SECONDS_PER_GROUPED

    @property
    def forward_seconds(self) -> float:
        """At most about what one picture takes on one processor, forward alone, whatever the layers are."""
        operations = self.multiply_adds + POOLING * self.window_reads
        return operations * FORWARD_PER_OPERATION + (self.activations + self.working) * FORWARD_PER_VALUE

    @property
    def slowest_gradient_seconds(self) -> float:
        """At most about what one picture takes forward and backward, whatever the layers are."""
        plain = 3 * self.forward_seconds + self.window_reads * BACKWARD_PER_READ
        return plain + self.grouped * SECONDS_PER_GROUPED

    @property
    def gradient_bytes(self) -> int:
        """Memory that a pass forward and backward takes for each picture."""
        kept = BYTES_PER_ACTIVATION * self.activations + BYTES_OF_LARGEST * self.largest
        return int(kept + BYTES_OF_WORKING * self.working)


def cost_of(model: CanonicalModel) -> NetCost:
    """The cost of a canonical model."""
    found = analyse(model.layers, model.nodes, model.output, model.input_shape)
    return NetCost(
        image=prod(model.input_shape),
        activations=sum(map(prod, found.shapes)),
        multiply_adds=sum(effort.multiply_adds for effort in found.efforts),
        parameters=model.parameters,
        largest=max(map(prod, found.shapes)),
        working=sum(effort.working for effort in found.efforts),
        window_reads=sum(effort.window_reads for effort in found.efforts),
        grouped=sum(effort.grouped for effort in found.efforts),
    )


def slots_worth(net: NetCost, *, batch: int, most: int) -> int:
    """Slots on a processor that make a scan quicker, `most` at most: none beyond those that keep it busy for
    `BATCH_SECONDS` with a batch of pictures each."""
    return max(1, min(most, ceil(BATCH_SECONDS / (batch * net.gradient_seconds))))


def program_bytes(net: NetCost, *, slots: int, batch: int, fit_images: int) -> int:
    """Estimated peak bytes of a slot program of so many slots with a batch of pictures each."""
    stamped = slots * batch * (net.gradient_bytes + 4 * net.image * BYTES_PER_ACTIVATION)
    return int(stamped + 2 * 4 * net.parameters + 4 * net.image * fit_images)
