"""Every architecture whose weights are read, by name.

torchvision's bear its names; those of kuangliu/pytorch-cifar end in `_cifar`; `resnet18_comp` is TrojanZoo's word for a
stem without pooling.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nc_core.intake.pytorch.architectures.efficientnet import EfficientNet
from nc_core.intake.pytorch.architectures.mobilenet import mobilenet_v2, mobilenet_v2_cifar
from nc_core.intake.pytorch.architectures.resnet import LAYERS_18, LAYERS_34, ResNet, preact_resnet
from nc_core.intake.pytorch.architectures.vgg import VGG16, VGG19, Vgg
from nc_core.intake.pytorch.sketch import Flow, Sketch


@dataclass(frozen=True)
class Architecture:
    """draw: on a sketch, for a number of classes; returns their scores. size: of pictures, unless said otherwise.

    stem, head: the weights that tell the number of channels and of classes.
    """

    draw: Callable[[Sketch, int], Flow]
    size: int
    stem: str
    head: str


def _resnet(net: ResNet, size: int) -> Architecture:
    return Architecture(net, size, f"{net.features}conv1.weight", f"{net.head}.weight")


def _cifar_resnet(layers: tuple[int, ...], *, bottleneck: bool = False) -> Architecture:
    net = ResNet(layers=layers, bottleneck=bottleneck, small=True, shortcut="shortcut", head="linear")
    return _resnet(net, 32)


_VGG_STEM = "features.0.weight"

ARCHITECTURES: Mapping[str, Architecture] = {
    "resnet18": _resnet(ResNet(layers=LAYERS_18), 224),
    "resnet34": _resnet(ResNet(layers=LAYERS_34), 224),
    "resnet50": _resnet(ResNet(layers=LAYERS_34, bottleneck=True), 224),
    "vgg16_bn": Architecture(Vgg(layers=VGG16), 224, _VGG_STEM, "classifier.6.weight"),
    "vgg19_bn": Architecture(Vgg(layers=VGG19), 224, _VGG_STEM, "classifier.6.weight"),
    "mobilenet_v2": Architecture(mobilenet_v2, 224, "features.0.0.weight", "classifier.1.weight"),
    "efficientnet_b0": Architecture(EfficientNet(width=1, depth=1), 224, "features.0.0.weight", "classifier.1.weight"),
    "efficientnet_b3": Architecture(
        EfficientNet(width=1.2, depth=1.4), 300, "features.0.0.weight", "classifier.1.weight"
    ),
    "preactresnet18": Architecture(preact_resnet, 32, "conv1.weight", "linear.weight"),
    "resnet18_cifar": _cifar_resnet(LAYERS_18),
    "resnet34_cifar": _cifar_resnet(LAYERS_34),
    "resnet50_cifar": _cifar_resnet(LAYERS_34, bottleneck=True),
    "vgg16_bn_cifar": Architecture(Vgg(layers=VGG16, small=True), 32, _VGG_STEM, "classifier.weight"),
    "vgg19_bn_cifar": Architecture(Vgg(layers=VGG19, small=True), 32, _VGG_STEM, "classifier.weight"),
    "mobilenet_v2_cifar": Architecture(mobilenet_v2_cifar, 32, "conv1.weight", "linear.weight"),
    "resnet18_comp": _resnet(ResNet(layers=LAYERS_18, small=True), 32),
    "resnet18_trojanzoo": _resnet(ResNet(layers=LAYERS_18, small=True, features="features.", head="classifier.fc"), 32),
}
