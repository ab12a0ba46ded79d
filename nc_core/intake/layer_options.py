"""A layer's configuration, held against the allow-list: its class and its plain options."""

from collections.abc import Mapping
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.layers import KINDS, REQUIRED, Option
from nc_core.intake.wording import TWO_MEANINGS, shown

ALIASES = {"BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization"}
"""Names that TensorFlow 1 wrote for the same classes."""

ACTIVATION_LAYERS = ("ReLU", "LeakyReLU", "ELU", "Softmax")
"""Layers without weights that Keras lets stand as the `activation` of another layer."""

DROPPED_KEYS = frozenset(
    [
        "name",
        "trainable",  # read with the layer
        "dtype",  # `fields.check_precision`
        "batch_input_shape",
        "batch_shape",
        "input_shape",
        "input_dim",
        "input_dtype",
        "seed",
        "autocast",  # of inputs that are float32 already
        "synchronized",
        "fused",
        "renorm_clipping",
        "renorm_momentum",
        "lora_alpha",
    ]
)
"""What says nothing about the answers of a trained net that computes in float32."""

DROPPED_ENDINGS = ("_initializer", "_regularizer", "_constraint")


def known_kind(class_name: str, layer: str) -> str:
    """The class name under which the table knows this layer; ModelRefused for every class not listed."""
    kind = ALIASES.get(class_name, class_name)
    if kind not in KINDS:
        raise ModelRefused(
            f"layer {layer!r} is a {class_name!r}, which is not read here because only layers with a fixed "
            f"meaning are: {_instead(class_name)}, copy the weights and save it again"
        )
    return kind


def _instead(class_name: str) -> str:
    if class_name in ("Lambda", "TFOpLambda", "SlicingOpLambda"):
        return "rebuild the net with Keras' own layers in its place (Rescaling, Reshape, Add, ...)"
    return "rebuild the net without it, from Keras' own image layers"


def read_options(
    kind: str, config: Mapping[str, Any], layer: str, table: Mapping[str, Option] | None = None
) -> dict[str, Any]:
    """The plain options of a layer of class `kind`, defaults filled in; ModelRefused for any other value.

    table: its options, where they are not those of KINDS.
    """
    table = KINDS[kind].options if table is None else table
    _refuse_unknown(kind, config, layer, table)
    found = {}
    for name, option in table.items():
        value = _value(kind, config, layer, name, option)
        if value is REQUIRED:
            raise ModelRefused(f"layer {layer!r} ({kind}) lacks its {name!r}: save the model again")
        try:
            plain = option.reader(value)
        except ValueError as error:
            raise ModelRefused(
                f"layer {layer!r} ({kind}) has {name} = {shown(value)}; what is read here is {error}"
            ) from None
        if option.kept:
            found[name] = plain
    return found


def _value(kind: str, config: Mapping[str, Any], layer: str, name: str, option: Option) -> Any:
    """The option under its one name; ModelRefused where it has both."""
    if option.old_name is None or option.old_name not in config:
        return config.get(name, option.default)
    if name in config:
        raise ModelRefused(
            f"layer {layer!r} ({kind}) has both {name!r} and {option.old_name!r}, which mean the same: {TWO_MEANINGS}"
        )
    return config[option.old_name]


def _refuse_unknown(kind: str, config: Mapping[str, Any], layer: str, table: Mapping[str, Option]) -> None:
    """An option that nobody here knows may change what the layer computes, unless it is off."""
    known = set(table) | {option.old_name for option in table.values()} | DROPPED_KEYS
    for name, value in config.items():
        if name not in known and not name.endswith(DROPPED_ENDINGS) and value is not None and value is not False:
            raise ModelRefused(
                f"layer {layer!r} ({kind}) has an option {shown(name)} = {shown(value)} that is not read "
                "here: rebuild the layer without it"
            )
