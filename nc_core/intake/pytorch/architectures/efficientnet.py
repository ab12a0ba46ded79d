"""EfficientNet (Tan and Le, ICML 2019), as torchvision has it."""

from dataclasses import dataclass
from math import ceil

from nc_core.intake.pytorch.sketch import Flow, Sketch

STAGES = (
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)  # fmt: skip
"""Expansion, kernel, stride of the first block, channels, blocks of B0 (table 1)."""
STEM, DIVISOR = 32, 8


@dataclass(frozen=True, kw_only=True)
class EfficientNet:
    """width, depth: factors of channels and blocks."""

    width: float
    depth: float

    def __call__(self, s: Sketch, classes: int) -> Flow:
        """Stem, stages of inverted residuals with squeeze and excitation, a last convolution four times as wide."""
        x = _active(s, s.image, "features.0", self._channels(STEM), 3, 2)
        for stage, (expansion, kernel, first, channels, blocks) in enumerate(STAGES, 1):
            for block in range(ceil(blocks * self.depth)):
                at, stride = f"features.{stage}.{block}.block.", 1 if block else first
                x = _block(s, x, at, expansion, kernel, stride, self._channels(channels))
        x = _active(s, x, f"features.{len(STAGES) + 1}", 4 * x.channels, 1)
        return s.linear(s.mean(x), "classifier.1", classes)

    def _channels(self, channels: int) -> int:
        """Widened and rounded to a multiple, never down by more than a tenth."""
        wide = channels * self.width
        near = max(DIVISOR, int(wide + DIVISOR / 2) // DIVISOR * DIVISOR)
        return near + DIVISOR if near < 0.9 * wide else near


def _active(s: Sketch, x: Flow, at: str, filters: int, kernel: int, stride: int = 1, groups: int = 1) -> Flow:
    conv = s.conv(x, f"{at}.0", filters, kernel, stride=stride, groups=groups)
    return s.silu(s.norm(conv, f"{at}.1"))


def _block(s: Sketch, x: Flow, at: str, expansion: int, kernel: int, stride: int, channels: int) -> Flow:
    wide, y, place = expansion * x.channels, x, 0
    if expansion > 1:
        y, place = _active(s, y, f"{at}0", wide, 1), 1
    y = _active(s, y, f"{at}{place}", wide, kernel, stride, wide)
    y = _excited(s, y, f"{at}{place + 1}", max(1, x.channels // 4))
    last = f"{at}{place + 2}"
    y = s.norm(s.conv(y, f"{last}.0", channels, 1), f"{last}.1")
    return s.add(y, x) if stride == 1 and x.channels == channels else y


def _excited(s: Sketch, x: Flow, at: str, squeezed: int) -> Flow:
    gate = s.silu(s.conv(s.mean(x), f"{at}.fc1", squeezed, 1, bias=True))
    return s.multiply(x, s.sigmoid(s.conv(gate, f"{at}.fc2", x.channels, 1, bias=True)))
