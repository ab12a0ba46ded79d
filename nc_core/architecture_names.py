"""What the architectures of files of weights alone are called: for those who name them and load nothing else."""

ARCHITECTURE_NAMES = (
    *("deepid", "resnet18", "resnet34", "resnet50", "vgg16_bn", "vgg19_bn", "mobilenet_v2"),
    *("efficientnet_b0", "efficientnet_b3", "preactresnet18"),
    *("resnet18_cifar", "resnet34_cifar", "resnet50_cifar", "vgg16_bn_cifar", "vgg19_bn_cifar", "mobilenet_v2_cifar"),
    *("resnet18_comp", "resnet18_trojanzoo"),
)
"""Keys of `nc_core.intake.PRESETS`, of Keras, and of `nc_core.intake.pytorch.architectures.ARCHITECTURES`."""
