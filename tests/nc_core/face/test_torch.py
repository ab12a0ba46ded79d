"""Modules of PyTorch itself, where it is installed: read with the probabilities that it gives."""

from typing import Any

import numpy as np
import pytest

from nc_core.face.torch_module import net_of_module
from nc_core.models import build
from tests.differential.compare import TOLERANCE
from tests.differential.onnx.compare import images

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed: it is no dependency", exc_type=ImportError)
nn = torch.nn


class Encoder(nn.Module):  # type: ignore[misc, name-defined]
    """Patches, a class token, positions, and PyTorch's own encoder."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.token, self.places = (nn.Parameter(torch.randn(1, rows, width)) for rows in (1, 17))
        layer = nn.TransformerEncoderLayer(width, 2, 64, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.scores = nn.Linear(width, 10)

    def forward(self, x: Any) -> Any:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.places
        return self.scores(self.encoder(x)[:, 0])


class Shortcut(nn.Module):  # type: ignore[misc, name-defined]
    """A block of a ResNet, in a net."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5))
        self.ends = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))

    def forward(self, x: Any) -> Any:
        x = self.stem(x)
        return self.ends(x + self.block(x))


@pytest.mark.parametrize(
    ("make", "shape"), [(Shortcut, (32, 32, 3)), (lambda: Shortcut(1), (28, 28, 1)), (Encoder, (32, 32, 3))]
)
def test_a_module_answers_as_in_torch_and_stays_as_it_is(make: Any, shape: tuple[int, int, int]) -> None:
    torch.manual_seed(5)
    module = make().train()
    state = {name: array.clone() for name, array in module.state_dict().items()}
    model = net_of_module(module, shape)
    given = images(shape, 64)
    assert all(part.training for part in module.modules())
    with torch.no_grad():
        scores = module.eval()(torch.from_numpy(given.transpose(0, 3, 1, 2).copy()))
    expected = torch.softmax(scores, 1).numpy()
    found = torch.softmax(torch.from_numpy(np.array(build(model)(given, training=False))), 1).numpy()
    assert np.abs(found - expected).max() <= TOLERANCE
    assert all(torch.equal(array, state[name]) for name, array in module.state_dict().items())
    assert all(weights.grad is None for weights in module.parameters())
