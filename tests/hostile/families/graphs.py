"""Configurations whose graph, names or nesting is built to exhaust or to mislead a reader."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile import seeds
from tests.hostile.families.case import Case, Make, edited, layer, options


def text(config: str) -> Make:
    """A file with this text as its configuration."""
    return lambda folder: seeds.write_h5(folder / "model.h5", config)


def _calls_twice(depth: int, *, empty: bool) -> seeds.Config:
    """Models that call each other twice: 2**depth calls; `empty`: of models without a layer."""
    inner: Any = [seeds.entry("Activation", "f", "i", activation="relu")]
    if depth:
        inner = [{**_calls_twice(depth - 1, empty=empty), "name": "f"}]
        inner[0]["config"]["name"] = "f"
        inner[0]["inbound_nodes"] = [[["i", 0, 0, {}]], [["f", 1, 0, {}]]]
    elif empty:
        inner = []
    config = seeds.functional([seeds.entry("InputLayer", "i", batch_shape=[None, 4, 4, 3]), *inner], "f", f"m{depth}")
    last = ["i", 0, 0] if empty and not depth else ["f", 2 if depth else 0, 0]
    config["config"]["output_layers"] = [last]
    config.pop("module")
    return config


def _bomb(depth: int, *, empty: bool) -> Make:
    return lambda folder: seeds.write_h5(folder / "bomb.h5", _calls_twice(depth, empty=empty), {})


def _chain(count: int) -> Make:
    names = [f"a{number}" for number in range(count)]
    entries = [seeds.entry("InputLayer", "a0", batch_shape=[None, 8, 8, 3])]
    entries += [
        seeds.entry("Activation", name, before, activation="relu") for before, name in itertools.pairwise(names)
    ]
    return lambda folder: seeds.write_h5(folder / "long.h5", seeds.functional(entries, names[-1]), {})


def _everything_to_everything(folder: Path) -> Path:
    """600 sums, each of all that stand before it."""
    entries = [seeds.entry("InputLayer", "a0", batch_shape=[None, 8, 8, 3])]
    for number in range(1, 600):
        before = [f"a{earlier}" for earlier in range(number)] * (2 if number == 1 else 1)
        calls = [[name, 0, 0, {}] for name in before]
        entries.append({**seeds.entry("Add", f"a{number}"), "inbound_nodes": [calls]})
    return seeds.write_h5(folder / "dense.h5", seeds.functional(entries, "a599"), {})


def _renamed(name: str) -> Make:
    def change(config: seeds.Config) -> None:
        entry = seeds.layer(config, "flat")
        entry["name"] = entry["config"]["name"] = name
        seeds.layer(config, "answer")["inbound_nodes"] = [[[name, 0, 0, {}]]]

    return edited(change)


def _twin(config: seeds.Config) -> None:
    config["config"]["layers"].append(json.loads(json.dumps(seeds.layer(config, "flat"))))


def _calls(name: str, *nodes: Any) -> Make:
    return layer(name, inbound_nodes=list(nodes))


def _wide(folder: Path) -> Path:
    config = seeds.classifier()
    seeds.layer(config, "conv")["config"]["kernel_initializer"] = ["x" * 2**20] * 20
    return seeds.write_h5(folder / "wide.h5", config, change=lambda file: file.attrs.create("more", np.zeros(3)))


def _input_in_the_middle(config: seeds.Config) -> None:
    """A layer that stands between two others and is none of the model's inputs."""
    between = seeds.entry("InputLayer", "between", batch_shape=[None, 6, 6, 4])
    between["inbound_nodes"] = [[["norm", 0, 0, {}]]]
    config["config"]["layers"].insert(3, between)
    seeds.layer(config, "flat")["inbound_nodes"] = [[["between", 0, 0, {}]]]


def _in_a_row(*entries: seeds.Config) -> Make:
    """A Sequential of these layers, whether they fit or not."""
    rows = [{key: value for key, value in entry.items() if key != "inbound_nodes"} for entry in entries]
    config = {"class_name": "Sequential", "config": {"name": "row", "layers": rows}}
    return lambda folder: seeds.write_h5(folder / "row.h5", config, {})


def _picture(name: str) -> seeds.Config:
    return seeds.entry("InputLayer", name, batch_shape=[None, 8, 8, 3])


def _lists(folder: Path) -> Path:
    return text('{"a": [' + "[]," * 2_500_000 + "[]]}")(folder)


CASES = {
    "JSON 200 levels deep": Case(text('{"a": ' * 200 + "1" + "}" * 200), "nested 200 levels deep"),
    "JSON 100,000 levels deep": Case(text("[" * 100_000), "nested too deeply"),
    "JSON of 20 million characters": Case(_wide, "the limit is 16,777,216"),
    "JSON of 2.5 million empty lists": Case(text('{"a": [' + "[]," * 2_500_000 + "[]]}"), "class_name"),
    "number of 5,000 digits": Case(text('{"a": ' + "9" * 5000 + "}"), "no valid JSON"),
    "NaN among the options": Case(text('{"class_name": NaN}'), "NaN"),
    "a list for a model": Case(text("[]"), "not an object"),
    "no JSON": Case(text("import os"), "no valid JSON"),
    "9,000 layers": Case(_chain(9000), "8,001 layers; the limit is 8,000"),
    "180,000 edges": Case(_everything_to_everything, "the limit is 100,000"),
    "models that call each other twice": Case(_bomb(14, empty=False), "calls of nested models"),
    "empty models that call each other twice": Case(_bomb(20, empty=True), "calls of nested models"),
    "cycle": Case(_calls("conv", [["norm", 0, 0, {}]]), "depends on its own output"),
    "layer that calls itself": Case(_calls("flat", [["flat", 0, 0, {}]]), "depends on its own output"),
    "call of a layer that is not there": Case(_calls("flat", [["absent", 0, 0, {}]]), "'absent'"),
    "negative call number": Case(_calls("flat", [["norm", -1, 0, {}]]), "wired to"),
    "huge call number": Case(_calls("flat", [["norm", 2**62, 0, {}]]), "call 4611686018427387904"),
    "second output of one": Case(_calls("flat", [["norm", 0, 7, {}]]), "output 7"),
    "a number as input": Case(_calls("flat", {"args": [1e9], "kwargs": {}}), "wired to"),
    "a tensor as keyword": Case(_calls("norm", [["conv", 0, 0, {"mask": ["conv", 0, 0]}]]), "arguments"),
    "training mode": Case(_calls("norm", [["conv", 0, 0, {"training": True}]]), "training"),
    "two layers of one name": Case(edited(_twin), "two layers"),
    "name with a newline": Case(_renamed("a\nb"), "rename"),
    "name with a NUL": Case(_renamed("a\x00b"), "rename"),
    "name that turns text around": Case(_renamed("a\u202eb"), "rename"),
    "name of 5,000 characters": Case(_renamed("a" * 5000), "256 characters"),
    "name that is a path": Case(_renamed("../../../etc/cron.d/owned"), None),
    "name that is a format": Case(_renamed("{0.__class__} %s %n"), None),
    "layer without a class": Case(layer("flat", class_name=7), "no class_name"),
    "configuration that is text": Case(layer("flat", config="x"), "not an object"),
    "two inputs": Case(
        edited(lambda config: config["config"].update(input_layers=[["picture", 0, 0], ["conv", 0, 0]])), "input"
    ),
    "input in the middle": Case(edited(_input_in_the_middle), "does not lead to its output"),
    "two inputs in a row": Case(
        _in_a_row(_picture("a"), _picture("b"), seeds.entry("Flatten", "flat")), "'b'.*InputLayer"
    ),
    "input at the end": Case(
        _in_a_row(_picture("a"), seeds.entry("Flatten", "flat"), _picture("b")), "'b'.*InputLayer"
    ),
    "inputs within one another": Case(
        _in_a_row(_picture("a"), _picture("b"), _picture("c"), seeds.entry("Flatten", "flat")), "InputLayer"
    ),
    "name that is a tag": Case(_renamed("<img src=x onerror=alert(1)>"), None),
    "name of what we add": Case(_renamed("class_0_logit"), None),
    "name of dots": Case(_renamed(".."), None),
    "name in other letters": Case(_renamed("плоский"), None),
    "options of a layer that has none": Case(options("flat", target=[1]), "target"),
}
