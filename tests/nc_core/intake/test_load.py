"""A canonical model is held against the table of layers when it is loaded, whoever wrote it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nc_core import tensors
from nc_core.errors import ModelRefused
from nc_core.intake import load_canonical, read_model

Change = Callable[[dict[str, Any], dict[str, Any]], object]
"""(structure, arrays), changed in place."""


def _layer(number: int, **values: Any) -> Change:
    return lambda structure, _: structure["layers"][number].update(values)


def _option(number: int, **values: Any) -> Change:
    return lambda structure, _: structure["layers"][number]["options"].update(values)


def _node(number: int, **values: Any) -> Change:
    return lambda structure, _: structure["nodes"][number].update(values)


def _top(**values: Any) -> Change:
    return lambda structure, _: structure.update(values)


def _array(key: str, value: Any) -> Change:
    return lambda _, arrays: arrays.update({key: value})


SIGNATURE = {"image": "x", "output": "y", "channels_first": True, "batch": "n", "log_softmax": False}
KERNEL = np.zeros((3, 3, 3, 4), np.float32)
CHANGES: dict[str, tuple[Change, str]] = {
    "another schema": (_top(schema=2), "schema 2"),
    "an unlisted layer": (_layer(2, kind="Lambda"), "'Lambda'"),
    "a kind that is no text": (_layer(2, kind=["Flatten"]), "is a"),
    "a name that is a path": (_layer(2, name="../x"), "../x"),
    "a name twice": (_layer(2, name="norm"), "one name|weights"),
    "an option too many": (_option(2, hook="os.system"), "hook"),
    "an option of no meaning": (_option(2, hook=None), "options"),
    "an option of another type": (_option(0, filters="4"), "filters"),
    "an option left out": (lambda structure, _: structure["layers"][0]["options"].pop("groups"), "options"),
    "an activation of the attacker": (_option(0, activation="os.system"), "activation"),
    "a huge option": (_option(3, units=2_000_000_000), "units"),
    "weights of another layer": (_layer(0, weights=["answer/kernel", "answer/bias"]), "weights"),
    "no image": (_node(0, layer=1), "node 0"),
    "two images": (_node(1, layer=None, inputs=[]), "node 1"),
    "a node of a layer that is not there": (_node(1, layer=9), "node 1"),
    "a node of layer true": (_node(1, layer=True), "node 1"),
    "a node that waits for itself": (_node(1, inputs=[1]), "node 1"),
    "a node before the first": (_node(1, inputs=[-1]), "node 1"),
    "a node of nothing": (_node(1, inputs=[]), "node 1"),
    "a layer that nothing calls": (_node(2, layer=0), "calls"),
    "an output that is not there": (_top(output=9), "output"),
    "another head": (_top(head="logits"), "'logits'"),
    "more classes": (_top(classes=4), "is softmax"),
    "an input of two sizes": (_top(input_shape=[8, 8]), "input"),
    "a huge input": (_top(input_shape=[2**24, 2**24, 3]), "the limit is"),
    "layers that are none": (_top(layers={}), "not a list"),
    "a thousand million nodes": (_top(nodes=[{}] * 10_001), "the limit is"),
    "an array that is missing": (lambda _, arrays: arrays.pop("conv/kernel"), "arrays"),
    "an array too many": (_array("conv/extra", KERNEL), "arrays"),
    "an array of another shape": (_array("conv/kernel", KERNEL[..., :3]), "shape"),
    "an array of whole numbers": (_array("conv/kernel", KERNEL.astype(np.int32)), "int32"),
    "a signature of other keys": (_top(signature={**SIGNATURE, "hook": 1}), "signature has the keys"),
    "a signature that is none": (_top(signature="x"), "not an object"),
    "a name of two lines": (_top(signature={**SIGNATURE, "image": "a\nb"}), "signature has the name"),
    "a name without end": (_top(signature={**SIGNATURE, "output": "x" * 257}), "signature has the name"),
    "no images at once": (_top(signature={**SIGNATURE, "batch": 0}), "takes 0 images"),
    "a layout of both kinds": (_top(signature={**SIGNATURE, "channels_first": "yes"}), "its signature is"),
    "NaN": (_array("conv/kernel", np.full_like(KERNEL, np.nan)), "not finite"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_intake_would_not_have_written_is_refused(name: str, h5: Path, tmp_path: Path) -> None:
    # Given a canonical model changed behind intake's back
    change, said = CHANGES[name]
    read_model(h5).save(tmp_path / "canonical")
    with (tmp_path / "canonical").open("rb") as file:
        arrays, text = tensors.read(file)
    structure = json.loads(text)
    change(structure, arrays)
    tensors.save(tmp_path / "changed", arrays, json.dumps(structure))
    # Then it is refused in one line
    with pytest.raises(ModelRefused, match=said) as refused:
        load_canonical(tmp_path / "changed")
    assert str(refused.value).isprintable()
