"""VGG with batch normalisation (Simonyan and Zisserman, ICLR 2015), as torchvision and pytorch-cifar have it."""

from collections.abc import Sequence
from dataclasses import dataclass

from nc_core.intake.pytorch.sketch import Flow, Sketch

WIDTHS = (64, 128, 256, 512, 512)
VGG16, VGG19 = (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)
POOLED_TO = (7, 7)
"""What torchvision's AdaptiveAvgPool2d makes of the last image, before the first linear layer."""


@dataclass(frozen=True, kw_only=True)
class Vgg:
    """layers: convolutions of each of the five stages. small: one linear layer in place of three, nothing pooled."""

    layers: Sequence[int]
    small: bool = False

    def __call__(self, s: Sketch, classes: int) -> Flow:
        """Stages that each end in max pooling; module `features` is one row, counted through."""
        x, place = s.image, 0
        for convs, width in zip(self.layers, WIDTHS, strict=True):
            for _ in range(convs):
                x = s.conv(x, f"features.{place}", width, bias=True)
                x = s.relu(s.norm(x, f"features.{place + 1}"))
                place += 3  # Conv2d, BatchNorm2d, ReLU
            x, place = s.max_pool(x, 2, 2), place + 1
        if self.small:
            return s.linear(x, "classifier", classes)
        x = s.relu(s.linear(x, "classifier.0", 4096, pooled_to=POOLED_TO))
        x = s.relu(s.linear(x, "classifier.3", 4096))
        return s.linear(x, "classifier.6", classes)
