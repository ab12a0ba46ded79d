"""MobileNetV2 (Sandler et al., CVPR 2018), as torchvision and as kuangliu/pytorch-cifar have it."""

from collections.abc import Iterator

from nc_core.intake.pytorch.sketch import Flow, Sketch

STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks, stride of the first block (table 2)."""
LAST = 1280


def _blocks(strides: dict[int, int]) -> Iterator[tuple[int, int, int]]:
    """Expansion, channels, stride of every block. strides: of stages in which they are other ones."""
    for stage, (expansion, channels, blocks, stride) in enumerate(STAGES):
        for block in range(blocks):
            yield expansion, channels, 1 if block else strides.get(stage, stride)


def mobilenet_v2(s: Sketch, classes: int) -> Flow:
    """torchvision's."""
    x = s.relu6(s.norm(s.conv(s.image, "features.0.0", 32, stride=2), "features.0.1"))
    number = 0
    for number, (expansion, channels, stride) in enumerate(_blocks({}), 1):
        x = _inverted(s, x, f"features.{number}.conv.", expansion, channels, stride)
    last = f"features.{number + 1}"
    x = s.relu6(s.norm(s.conv(x, f"{last}.0", LAST, 1), f"{last}.1"))
    return s.linear(s.mean(x), "classifier.1", classes)


def _inverted(s: Sketch, x: Flow, at: str, expansion: int, channels: int, stride: int) -> Flow:
    wide, y, place = expansion * x.channels, x, 0
    if expansion > 1:
        y = s.relu6(s.norm(s.conv(y, f"{at}0.0", wide, 1), f"{at}0.1"))
        place = 1
    y = s.relu6(s.norm(s.conv(y, f"{at}{place}.0", wide, stride=stride, groups=wide), f"{at}{place}.1"))
    y = s.norm(s.conv(y, f"{at}{place + 1}", channels, 1), f"{at}{place + 2}")
    return s.add(x, y) if stride == 1 and x.channels == channels else y


def mobilenet_v2_cifar(s: Sketch, classes: int) -> Flow:
    """kuangliu's, for pictures of 32x32: two strides fewer, ReLU, and a shortcut wherever the stride is 1."""
    x = s.relu(s.norm(s.conv(s.image, "conv1", 32), "bn1"))
    for number, (expansion, channels, stride) in enumerate(_blocks({1: 1})):
        x = _cifar_block(s, x, f"layers.{number}.", expansion, channels, stride)
    x = s.relu(s.norm(s.conv(x, "conv2", LAST, 1), "bn2"))
    return s.linear(s.mean(x), "linear", classes)


def _cifar_block(s: Sketch, x: Flow, at: str, expansion: int, channels: int, stride: int) -> Flow:
    wide = expansion * x.channels
    y = s.relu(s.norm(s.conv(x, f"{at}conv1", wide, 1), f"{at}bn1"))
    y = s.relu(s.norm(s.conv(y, f"{at}conv2", wide, stride=stride, groups=wide), f"{at}bn2"))
    y = s.norm(s.conv(y, f"{at}conv3", channels, 1), f"{at}bn3")
    if stride > 1:
        return y
    if x.channels != channels:
        x = s.norm(s.conv(x, f"{at}shortcut.0", channels, 1), f"{at}shortcut.1")
    return s.add(y, x)
