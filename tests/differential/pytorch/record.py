"""Writes `answers.json` anew: names and shapes of state dicts, and answers to drawn images, as PyTorch has them.

    python -m tests.differential.pytorch.record CIFAR

It needs torch and torchvision, which this project does not; CIFAR is a checkout of github.com/kuangliu/pytorch-cifar.
"""

import json
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.differential.pytorch.drawn import images, weights

ANSWERS = Path(__file__).with_name("answers.json")
CLASSES = 10


def shape_of(state: Mapping[str, Any]) -> dict[str, list[int]]:
    """Sizes by name, without counters."""
    return {name: list(array.shape) for name, array in state.items() if not name.endswith("num_batches_tracked")}


def _comp(torchvision: Any, nn: Any) -> Any:
    net = torchvision.models.resnet18(num_classes=CLASSES)
    net.conv1, net.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    return net


def _trojanzoo(torchvision: Any, nn: Any) -> Any:
    net = _comp(torchvision, nn)
    names = ("conv1", "bn1", "relu", "layer1", "layer2", "layer3", "layer4")
    return nn.Sequential(
        OrderedDict(
            features=nn.Sequential(OrderedDict((name, getattr(net, name)) for name in names)),
            pool=net.avgpool,
            flatten=nn.Flatten(),
            classifier=nn.Sequential(OrderedDict(fc=net.fc)),
        )
    )


def nets(cifar: Path) -> dict[str, Callable[[], Any]]:
    """By what `--architecture` is given."""
    import torchvision
    from torch import nn

    sys.path.insert(0, str(cifar))
    import models

    theirs = ["resnet18@32", "resnet34@64", "resnet50@48x64", "mobilenet_v2@32", "efficientnet_b0@32"]
    theirs += ["efficientnet_b3@32", "vgg16_bn@100", "vgg19_bn@32"]
    found: dict[str, Callable[[], Any]] = {
        name: lambda name=name: getattr(torchvision.models, name.partition("@")[0])(num_classes=CLASSES)  # type: ignore
        for name in theirs
    }
    return found | {
        "preactresnet18": models.PreActResNet18,
        "resnet18_cifar": models.ResNet18,
        "resnet34_cifar": models.ResNet34,
        "resnet50_cifar": models.ResNet50,
        "vgg16_bn_cifar": lambda: models.VGG("VGG16"),
        "vgg19_bn_cifar": lambda: models.VGG("VGG19"),
        "mobilenet_v2_cifar": models.MobileNetV2,
        "resnet18_comp": lambda: _comp(torchvision, nn),
        "resnet18_trojanzoo": lambda: _trojanzoo(torchvision, nn),
    }


def main() -> None:
    """Load drawn weights into each net, and write down what it answers."""
    import torch

    recorded = {}
    for name, make in nets(Path(sys.argv[1])).items():
        net = make().eval()
        state = {key: torch.from_numpy(weights(key, tuple(array.shape))) for key, array in net.state_dict().items()}
        net.load_state_dict(state)
        sizes = [int(size) for size in (name.partition("@")[2] or "32").split("x")]
        with torch.no_grad():
            answers = net(torch.from_numpy(images(3, sizes[0], sizes[-1])))
        recorded[name] = {"shapes": shape_of(state), "answers": [[round(float(x), 6) for x in row] for row in answers]}
    ANSWERS.write_text(json.dumps(recorded, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
