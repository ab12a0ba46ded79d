"""Residual nets (He et al., CVPR 2016), as torchvision and as kuangliu/pytorch-cifar name their modules."""

from collections.abc import Sequence
from dataclasses import dataclass

from nc_core.intake.pytorch.sketch import Flow, Sketch

WIDTHS = (64, 128, 256, 512)
LAYERS_18, LAYERS_34 = (2, 2, 2, 2), (3, 4, 6, 3)


@dataclass(frozen=True, kw_only=True)
class ResNet:
    """layers: blocks of each of the four stages. bottleneck: three convolutions a block instead of two.

    small: a stem for small pictures, one 3x3 convolution and no pooling. shortcut, head, features: what the modules are
    called; the last is put before the names of all but the head.
    """

    layers: Sequence[int]
    bottleneck: bool = False
    small: bool = False
    shortcut: str = "downsample"
    head: str = "fc"
    features: str = ""

    def __call__(self, s: Sketch, classes: int) -> Flow:
        """Stem, stages, mean of each channel, one linear layer."""
        if self.small:
            x = self._active(s, s.image, f"{self.features}conv1", f"{self.features}bn1", 64, 3, 1)
        else:
            x = self._active(s, s.image, f"{self.features}conv1", f"{self.features}bn1", 64, 7, 2)
            x = s.max_pool(x, 3, 2, 1)
        for stage, (blocks, width) in enumerate(zip(self.layers, WIDTHS, strict=True)):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                x = self._block(s, x, f"{self.features}layer{stage + 1}.{block}.", width, stride)
        return s.linear(s.mean(x), self.head, classes)

    def _block(self, s: Sketch, x: Flow, at: str, width: int, stride: int) -> Flow:
        filters = 4 * width if self.bottleneck else width
        if self.bottleneck:
            y = self._active(s, x, f"{at}conv1", f"{at}bn1", width, 1, 1)
            y = self._active(s, y, f"{at}conv2", f"{at}bn2", width, 3, stride)
            y = s.norm(s.conv(y, f"{at}conv3", filters, 1), f"{at}bn3")
        else:
            y = self._active(s, x, f"{at}conv1", f"{at}bn1", width, 3, stride)
            y = s.norm(s.conv(y, f"{at}conv2", filters), f"{at}bn2")
        if stride > 1 or x.channels != filters:
            x = s.norm(s.conv(x, f"{at}{self.shortcut}.0", filters, 1, stride=stride), f"{at}{self.shortcut}.1")
        return s.relu(s.add(y, x))

    @staticmethod
    def _active(s: Sketch, x: Flow, conv: str, norm: str, filters: int, kernel: int, stride: int) -> Flow:
        return s.relu(s.norm(s.conv(x, conv, filters, kernel, stride=stride), norm))


def preact_resnet(s: Sketch, classes: int) -> Flow:
    """PreActResNet-18 (He et al., ECCV 2016) as pytorch-cifar and BackdoorBench have it, no norm at the end."""
    x = s.conv(s.image, "conv1", 64)
    for stage, width in enumerate(WIDTHS):
        for block in range(2):
            x = _preact_block(s, x, f"layer{stage + 1}.{block}.", width, 2 if stage and not block else 1)
    return s.linear(s.mean(x), "linear", classes)


def _preact_block(s: Sketch, x: Flow, at: str, width: int, stride: int) -> Flow:
    active = s.relu(s.norm(x, f"{at}bn1"))
    y = s.conv(active, f"{at}conv1", width, stride=stride)
    y = s.conv(s.relu(s.norm(y, f"{at}bn2")), f"{at}conv2", width)
    changed = stride > 1 or x.channels != width
    return s.add(y, s.conv(active, f"{at}shortcut.0", width, 1, stride=stride) if changed else x)
