"""Layers, functions and objects that run code, read files or change the process when Keras builds them."""

import base64
import marshal
from typing import Any

from tests.hostile import seeds
from tests.hostile.families.case import Case, edited, layer, options

_CODE = base64.b64encode(marshal.dumps(compile("__import__('os').system('touch /tmp/owned')", "x", "eval"))).decode()
_LAMBDA3 = {"class_name": "__lambda__", "config": {"code": _CODE, "defaults": None, "closure": None}}
_GADGET = {"module": "os", "class_name": "system", "config": "touch /tmp/owned", "registered_name": "system"}
_DEAD = {
    "module": "keras.src.backend.config",
    "class_name": "function",
    "config": "set_image_data_format",
    "registered_name": "set_image_data_format",
    "name": "dead",
    "inbound_nodes": [{"args": ["channels_first"], "kwargs": {}}],
}


def _named(class_name: str, **config: Any) -> Case:
    return Case(layer("flat", class_name=class_name, config={"name": "flat", **config}), class_name)


def _nested(config: seeds.Config) -> None:
    inner = seeds.functional([seeds.entry("InputLayer", "in", batch_shape=[None, 6, 6, 4]), _lambda()], "evil", "inner")
    seeds.layer(config, "norm").update({"class_name": "Functional", "config": inner["config"] | {"name": "norm"}})


def _lambda() -> seeds.Config:
    return seeds.entry("Lambda", "evil", "in", function=_LAMBDA3)


CASES = {
    "Lambda of Keras 3": _named("Lambda", function=_LAMBDA3, arguments={}),
    "Lambda of Keras 2": _named("Lambda", function=[_CODE, None, None], function_type="lambda"),
    "Lambda in a nested model": Case(edited(_nested), "Lambda"),
    "Lambda that nothing calls": Case(
        edited(lambda config: config["config"]["layers"].append({**_lambda(), "inbound_nodes": []})), "Lambda"
    ),
    "Lambda wrapped by TimeDistributed": _named("TimeDistributed", layer={"class_name": "Lambda", "config": {}}),
    "Lambda wrapped by Bidirectional": _named("Bidirectional", layer={"class_name": "Lambda", "config": {}}),
    "marshalled activation": Case(options("conv", activation=_LAMBDA3), "activation"),
    "activation by name of a module": Case(options("conv", activation="os.system"), "activation"),
    "activation as an object": Case(options("conv", activation=_GADGET), "activation"),
    "TFOpLambda": _named("TFOpLambda", function="io.read_file"),
    "TorchModuleWrapper": _named("TorchModuleWrapper", module=_CODE),
    "TFSMLayer": _named("TFSMLayer", filepath="/tmp/saved_model"),
    "JaxLayer": _named("JaxLayer", call_fn=_LAMBDA3),
    "StringLookup": _named("StringLookup", vocabulary="/etc/passwd"),
    "IntegerLookup": _named("IntegerLookup", vocabulary="/etc/passwd"),
    "TextVectorization": _named("TextVectorization", vocabulary="/etc/passwd"),
    "RNN of a foreign cell": _named("RNN", cell=_GADGET),
    "preprocessing that loads": _named("Discretization", bin_boundaries="/etc/passwd"),
    "function of a module as a layer": Case(layer("flat", **_GADGET), "system"),
    "dead operation": Case(edited(lambda config: config["config"]["layers"].append(_DEAD)), "'dead'"),
    "operation with a layer's name": Case(layer("flat", module="keras.src.ops.numpy"), "operation"),
    "module of the attacker": Case(layer("flat", module="evil.layers"), "evil.layers"),
    "builtins": Case(layer("flat", module="builtins", class_name="eval"), "eval"),
    "registered class": Case(layer("flat", registered_name="evil>Flatten"), "evil>Flatten"),
    "model class of the attacker": Case(edited(lambda config: config.update(class_name="Evil")), "Evil"),
    "model of another module": Case(edited(lambda config: config.update(module="evil")), "evil"),
    "gadget as an option": Case(options("conv", hook=_GADGET), "hook"),
    "gadget as a type": Case(options("conv", dtype=_GADGET), "computes in"),
    # What says nothing about a trained net is dropped unread.
    "gadget as an initialiser": Case(options("conv", kernel_initializer=_GADGET), None),
    "gadget as a regulariser": Case(options("conv", kernel_regularizer=_LAMBDA3), None),
    "gadget as build and compile settings": Case(
        edited(lambda config: config.update(compile_config={"loss": _LAMBDA3}, build_config=_GADGET)), None
    ),
}
