"""Which architecture weights are of: by name, by size of its pictures, and told where it is left out or wrong."""

from pathlib import Path

import numpy as np
import pytest

from nc_core.architecture_names import ARCHITECTURE_NAMES
from nc_core.errors import ModelRefused
from nc_core.intake import PRESETS
from nc_core.intake.pytorch.architectures import ARCHITECTURES
from nc_core.intake.pytorch.fitting import Chosen, chosen
from tests import tiny_architecture
from tests.hostile import seeds
from tests.nc_core.intake.pytorch.conftest import Read
from tests.state_dicts import pytorch, safetensors

STATE = tiny_architecture.state()


def test_the_names_are_those_that_are_read() -> None:
    assert (*PRESETS, *ARCHITECTURES) == ARCHITECTURE_NAMES


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("resnet18", Chosen("resnet18", None)),
        ("vgg16-bn", Chosen("vgg16_bn", None)),
        ("resnet18@64", Chosen("resnet18", (64, 64))),
        ("efficientnet-b0@96x64", Chosen("efficientnet_b0", (96, 64))),
        ("resnet18@", None),
        ("resnet18@0", None),
        ("resnet18@99999", None),
        ("resnet18@6x", None),
        ("resnet18 ", None),
        ("../resnet18", None),
    ],
)
def test_a_size_stands_behind_the_name(text: str, meant: Chosen | None) -> None:
    assert chosen(text) == meant


def test_the_pictures_are_as_large_as_is_said(read: Read) -> None:
    assert read(pytorch(STATE)).input_shape == (8, 8, 3)
    assert read(pytorch(STATE), "tiny@12x10").input_shape == (12, 10, 3)
    assert read(pytorch(tiny_architecture.state(channels=1))).input_shape == (8, 8, 1)


def test_pictures_that_are_too_small_are_refused(read: Read) -> None:
    with pytest.raises(ModelRefused, match="pictures of 1x1 are too small"):
        read(pytorch(STATE), "tiny@1")


@pytest.mark.parametrize("content", [pytorch(STATE), safetensors(STATE)])
def test_weights_without_an_architecture_name_those_that_they_fit(content: bytes, read: Read) -> None:
    with pytest.raises(
        ModelRefused, match=r"those of tiny: say so, --architecture tiny, .* --architecture tiny@HEIGHT"
    ):
        read(content, None)


def test_weights_of_no_known_architecture_are_refused_with_the_export(read: Read) -> None:
    with pytest.raises(ModelRefused, match=r"of none that is read here \(resnet18, .*torch\.onnx\.export"):
        read(pytorch({**STATE, "more": STATE["fc.bias"]}), None)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"more": np.zeros(2, np.float32)}, "it also holds 'more'"),
        ({"norm.bias": np.zeros(5, np.float32)}, r"norm.bias has the shape \(5,\), not \(4,\)"),
        ({"conv.weight": np.zeros((4, 3, 5, 5), np.float32)}, r"conv.weight has the shape \(4, 3, 5, 5\)"),
    ],
)
def test_what_does_not_fit_is_named(changed: dict[str, np.ndarray], said: str, read: Read) -> None:
    with pytest.raises(ModelRefused, match=f"not that of tiny, since {said}"):
        read(pytorch({**STATE, **changed}))


def test_a_missing_array_is_named(read: Read) -> None:
    with pytest.raises(ModelRefused, match=r"it lacks norm\.running_var"):
        read(pytorch({name: array for name, array in STATE.items() if name != "norm.running_var"}))


def test_a_wrong_architecture_is_refused_with_the_right_one(read: Read) -> None:
    with pytest.raises(ModelRefused, match=r"not that of resnet18, since it has no .* fc\.weight: pass tiny"):
        read(pytorch(STATE), "resnet18")


def test_architectures_of_keras_and_of_pytorch_are_told_apart(read: Read, tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="deepid is an architecture of Keras"):
        read(pytorch(STATE), "deepid")
    with pytest.raises(ModelRefused, match="leave out --architecture resnet18"):
        read(seeds.write_h5(tmp_path / "model.h5").read_bytes(), "resnet18")


@pytest.mark.parametrize(("suffix", "said"), [(".keras", "call it .pth or .pt"), (".onnx", "call it .pth or .pt")])
def test_a_name_that_says_another_format_is_refused(suffix: str, said: str, read: Read) -> None:
    with pytest.raises(ModelRefused, match=said):
        read(pytorch(STATE), "tiny", f"model{suffix}")
