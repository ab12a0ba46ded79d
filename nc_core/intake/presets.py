"""Architectures by name, for files that hold weights alone."""

from collections.abc import Callable, Mapping
from typing import Any

Config = Mapping[str, Any]


def _layer(class_name: str, name: str, inputs: list[str], **options: Any) -> dict[str, Any]:
    return {
        "class_name": class_name,
        "name": name,
        "config": {"name": name, **options},
        "inbound_nodes": [[[source, 0, 0, {}] for source in inputs]] if inputs else [],
    }


def _conv(number: int, source: str, filters: int, kernel: int) -> dict[str, Any]:
    return _layer("Conv2D", f"conv_{number}", [source], filters=filters, kernel_size=kernel, activation="relu")


def deepid(classes: int) -> Config:
    """DeepID on faces of 55 x 47 x 3 (Sun et al., CVPR 2014), as the CSAW-HackML-2020 BadNets have it."""
    layers = [
        _layer("InputLayer", "input", [], batch_shape=[None, 55, 47, 3]),
        _conv(1, "input", 20, 4),
        _layer("MaxPooling2D", "pool_1", ["conv_1"], pool_size=2),
        _conv(2, "pool_1", 40, 3),
        _layer("MaxPooling2D", "pool_2", ["conv_2"], pool_size=2),
        _conv(3, "pool_2", 60, 3),
        _layer("MaxPooling2D", "pool_3", ["conv_3"], pool_size=2),
        _conv(4, "pool_3", 80, 2),
        _layer("Flatten", "flatten_1", ["pool_3"]),
        _layer("Flatten", "flatten_2", ["conv_4"]),
        _layer("Dense", "fc_1", ["flatten_1"], units=160),
        _layer("Dense", "fc_2", ["flatten_2"], units=160),
        _layer("Add", "add_1", ["fc_1", "fc_2"]),
        _layer("Activation", "activation_1", ["add_1"], activation="relu"),
        _layer("Dropout", "dropout_1", ["activation_1"], rate=0.5),
        _layer("Dense", "output", ["dropout_1"], units=classes, activation="softmax"),
    ]
    return {
        "class_name": "Functional",
        "config": {
            "name": "deepid",
            "layers": layers,
            "input_layers": [["input", 0, 0]],
            "output_layers": [["output", 0, 0]],
        },
    }


PRESETS: Mapping[str, Callable[[int], Config]] = {"deepid": deepid}
"""Name -> configuration for a number of classes; the last layer is called `output`."""
