"""The canonical form on disk."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake import CanonicalModel, Node, load_canonical, read_model


def same(one: CanonicalModel, two: CanonicalModel) -> bool:
    """Equal structure and equal arrays."""
    empty = {"weights": {}}
    plain = [vars(replace(model, **empty)) for model in (one, two)]
    equal = all(np.array_equal(one.weights[key], two.weights[key]) for key in one.weights)
    return plain[0] == plain[1] and set(one.weights) == set(two.weights) and equal


def test_what_is_saved_is_loaded(h5: Path, tmp_path: Path):
    model = read_model(h5)
    digest = model.save(tmp_path / "canonical")
    assert same(load_canonical(tmp_path / "canonical", digest), model)


def test_the_same_model_is_the_same_bytes(h5: Path, archive: Path, tmp_path: Path):
    # Given one net in both formats of Keras, and its canonical form loaded and saved again
    digests = [read_model(path).save(tmp_path / path.suffix[1:]) for path in (h5, archive)]
    again = load_canonical(tmp_path / "h5").save(tmp_path / "again")
    # Then the bytes are the same, whatever the way
    assert {*digests, again} == {digests[0]}
    assert (tmp_path / "again").read_bytes() == (tmp_path / "keras").read_bytes()


def test_the_order_of_weights_in_memory_does_not_matter(h5: Path, tmp_path: Path):
    model = read_model(h5)
    turned = replace(model, weights=dict(reversed(model.weights.items())))
    assert turned.save(tmp_path / "one") == model.save(tmp_path / "two")


def test_another_digest_is_refused(h5: Path, tmp_path: Path):
    digest = read_model(h5).save(tmp_path / "canonical")
    data = bytearray((tmp_path / "canonical").read_bytes())
    data[-1] ^= 1
    (tmp_path / "canonical").write_bytes(data)
    with pytest.raises(ModelRefused, match=f"expected {digest}"):
        load_canonical(tmp_path / "canonical", digest)


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\x10" + b"\0" * 7 + b'{"__metadata__":{}}'])
def test_what_is_no_canonical_model_is_refused(content, tmp_path: Path):
    (tmp_path / "canonical").write_bytes(content)
    with pytest.raises(ModelRefused, match="no canonical model"):
        load_canonical(tmp_path / "canonical")


def test_the_form_of_a_small_net(h5: Path):
    model = read_model(h5)
    assert (model.input_shape, model.head, model.classes, model.output) == ((8, 8, 3), "softmax", 3, 4)
    assert [(layer.name, layer.kind, layer.weights) for layer in model.layers] == [
        ("conv", "Conv2D", ("conv/kernel", "conv/bias")),
        (
            "norm",
            "BatchNormalization",
            ("norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance"),
        ),
        ("flat", "Flatten", ()),
        ("answer", "Dense", ("answer/kernel", "answer/bias")),
    ]
    assert model.layers[0].options == {
        "filters": 4,
        "groups": 1,
        "kernel_size": [3, 3],
        "strides": [1, 1],
        "dilation_rate": [1, 1],
        "padding": "valid",
        "data_format": "channels_last",
        "activation": "linear",
        "use_bias": True,
    }
    assert model.nodes == (Node(layer=None), *(Node(layer=n, inputs=(n,)) for n in range(4)))
    assert model.parameters == 3 * 3 * 3 * 4 + 4 + 4 * 4 + 144 * 3 + 3


def test_slashes_in_names_of_keras_2_become_underscores(edited):
    import h5py

    # Given a layer called as Keras 2's DenseNet called them
    path = edited("conv", lambda entry: (entry.__setitem__("name", "block/conv"), entry["config"].pop("name")))
    with h5py.File(path, "r+") as file:
        import json

        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            layer["inbound_nodes"] = json.loads(json.dumps(layer["inbound_nodes"]).replace('"conv"', '"block/conv"'))
        file.attrs["model_config"] = json.dumps(config)
        weights = file["model_weights"]
        weights.move("conv", "block/conv")
        names = [
            name.replace("conv", "block/conv") if name == "conv" else name for name in weights.attrs["layer_names"]
        ]
        weights.attrs["layer_names"] = names
    # Then it is found under its name, and called by one that Keras 3 accepts
    assert "block_conv/kernel" in read_model(path).weights
