"""Layers may be called anything: every net that we make of a submitted one is built, computes, is saved and loaded."""

import logging
from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.guard import guarded_pair
from nc_core.intake import CanonicalModel, Layer, Node
from nc_core.intake.graph import Graph
from nc_core.intake.tree import Leaf
from nc_core.models import build, build_logits

SHAPE = (6, 5, 3)
STRANGE = (
    "<img src=x onerror=alert(1)>",
    "a/b",
    "a_b",
    "A_B",
    "a b",
    "a:b",
    "a\\b",
    "{0}%s",
    "é",
    "层",
    ".",
    "..",
    "-",
)
LONG = ("n" * 256, "n" * 255, "N" * 256)


def net(names: list[str]) -> CanonicalModel:
    """One convolution a name, then a single sigmoid, named as the reader names them."""
    graph = Graph()
    options = {
        "filters": 3,
        "kernel_size": [1, 1],
        "strides": [1, 1],
        "padding": "valid",
        "dilation_rate": [1, 1],
        "groups": 1,
        "activation": "linear",
        "use_bias": False,
    }
    leaves = [Leaf(name=name, kind="Conv2D", options=options) for name in names]
    leaves.append(Leaf(name="input", kind="GlobalAveragePooling2D", options={"keepdims": False}))
    leaves.append(Leaf(name="Input", kind="Dense", options={"units": 1, "activation": "sigmoid", "use_bias": False}))
    for number, leaf in enumerate(leaves):
        graph.output = graph.call(leaf, (str(number),), (number,))
    layers = tuple(
        Layer(
            name=flat.name,
            kind=flat.leaf.kind,
            options=flat.leaf.options,
            weights=(f"{flat.name}/kernel",) if flat.path else (),
        )
        for flat in graph.layers
    )
    random = np.random.default_rng(4)
    weights = {f"{layer.name}/kernel": random.normal(0, 1, (1, 1, 3, 3)).astype(np.float32) for layer in layers[:-2]}
    weights[f"{layers[-1].name}/kernel"] = random.normal(0, 1, (3, 1)).astype(np.float32)
    return CanonicalModel(
        input_shape=SHAPE,
        layers=layers,
        nodes=tuple(graph.nodes),
        output=graph.output,
        head="single-sigmoid",
        classes=2,
        weights=weights,
    )


def names_of_ours() -> list[str]:
    """Of every layer and model that stands in a net that we make."""
    found: list[str] = []
    models = [
        build(net(["conv"])),
        build_logits(net(["conv"])),
        guarded_pair(net(["conv"]), net(["conv"]), [1], threshold=0.5),
    ]
    while models:
        model = models.pop()
        found += [model.name, *(layer.name for layer in model.layers)]
        models += [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("kind", ["strange", "long", "ours"])
def test_a_net_of_such_names(kind: str, tmp_path: Path) -> None:
    # Given a net whose layers are called so
    model = net({"strange": list(STRANGE), "long": list(LONG), "ours": names_of_ours()}[kind])
    images = np.random.default_rng(5).normal(0, 1, (4, *SHAPE)).astype(np.float32)
    # When every net that stands for it is made, and computes in a graph
    guarded = guarded_pair(model, model, [1], threshold=0.5)
    for made in (build(model), build_logits(model), guarded):
        answers = made.predict(images, verbose=0)
        # Then plain Keras loads what is saved of it
        for suffix in (".keras", ".h5"):
            path = tmp_path / f"net{suffix}"
            made.save(path)
            np.testing.assert_allclose(keras.models.load_model(path).predict(images, verbose=0), answers, atol=1e-6)


def test_what_keras_does_not_build_is_refused_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    # Given a canonical net that our rules of shapes would have to let through by mistake
    wrong = CanonicalModel(
        input_shape=SHAPE,
        layers=(Layer(name="turn", kind="Permute", options={"dims": [1, 2, 3, 4]}),),
        nodes=(Node(layer=None), Node(layer=0, inputs=(0,))),
        output=1,
        head="logits",
        classes=2,
        weights={},
    )
    # When it is built
    with caplog.at_level(logging.WARNING), pytest.raises(ModelRefused) as refused:
        build(wrong)
    # Then the line is for people, and the trace for us
    line = str(refused.value)
    assert line.startswith("the net cannot be built: ")
    assert line.isprintable()
    assert "Error" not in line
    assert "Traceback" in caplog.text
