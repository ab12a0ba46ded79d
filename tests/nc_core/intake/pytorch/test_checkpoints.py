"""The state dict of a checkpoint is found, and what was left out around it is said."""

from pathlib import Path
from typing import Any

import pytest

from nc_core.errors import ModelRefused
from nc_core.intake.load import load_canonical
from nc_core.models import save_keras
from tests import tiny_architecture
from tests.nc_core.intake.pytorch.conftest import Read
from tests.state_dicts import (
    archive,
    checkpoint,
    group,
    mapping,
    members_of,
    name,
    program,
    pytorch,
    safetensors,
    storages,
    tensors,
    text,
    whole,
)

STATE = tiny_architecture.state()
PARALLEL = {f"module.{key}": array for key, array in STATE.items()}


def nested() -> bytes:
    inner = mapping({"state_dict": mapping(tensors(STATE)), "epoch": whole(3)}, b"}")
    return archive(members_of(program(mapping({"model": inner}, b"}")), storages(STATE)))


CHECKPOINTS: dict[str, tuple[bytes, str]] = {
    "plain": (pytorch(STATE), ""),
    "safetensors": (safetensors(STATE), ""),
    "kuangliu": (checkpoint({"net": STATE, "acc": whole(93), "epoch": whole(7)}), "under 'net'"),
    "BackdoorBench": (
        checkpoint({"model_name": text("tiny"), "num_classes": whole(3), "model": STATE, "img_size": group(whole(8))}),
        "under 'model'",
    ),
    "Lightning": (checkpoint({"state_dict": {f"model.{key}": array for key, array in STATE.items()}}), "'model.'"),
    "nested": (nested(), "under 'model.state_dict'"),
    "DataParallel": (pytorch(PARALLEL), "without 'module.'"),
    "both": (checkpoint({"net": PARALLEL}), "under 'net' and the names of its weights without 'module.'"),
    "training state": (checkpoint({"state_dict": STATE, "optimizer": {"0": STATE["fc.weight"]}}), "'state_dict'"),
}


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_every_form_is_the_same_net(kind: str, read: Read) -> None:
    content, said = CHECKPOINTS[kind]
    found = read(content)
    assert found.equals(read(pytorch(STATE)))
    assert said in found.note
    assert bool(said) == bool(found.note)


def test_what_was_left_out_is_kept_with_the_net(read: Read, tmp_path: Path) -> None:
    model = read(CHECKPOINTS["both"][0])
    model.save(tmp_path / "model")
    loaded = load_canonical(tmp_path / "model")
    assert loaded.note == model.note
    assert loaded.equals(model)


def test_numbers_of_numpy_beside_the_weights_are_nothing(read: Read) -> None:
    # Given what pickle writes of np.float64(0.9) and of an array
    kind = name("numpy", "dtype") + group(text("f8"), b"\x89", b"\x88") + b"R" + group(whole(3), text("<"), b"N") + b"b"
    encoded = name("_codecs", "encode") + group(text("abcdefgh"), text("latin1")) + b"R"
    number = name("numpy.core.multiarray", "scalar") + group(kind, encoded) + b"R"
    empty = group(name("numpy", "ndarray"), group(whole(0)), encoded)
    array = name("numpy.core.multiarray", "_reconstruct") + empty + b"R" + group(whole(1), kind, encoded) + b"b"
    assert read(checkpoint({"net": STATE, "best": number, "index": array})).equals(read(pytorch(STATE)))


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"model": STATE, "net": STATE}, "model and net, more than one net"),
        ({"ema": STATE}, "no state dict, a dict of arrays by name, but a dict of 'ema'"),
        ({"model": {}}, "no state dict"),
        ({"epoch": whole(3)}, "no state dict"),
    ],
)
def test_no_net_or_two_are_refused(entries: dict[str, Any], said: str, read: Read) -> None:
    with pytest.raises(ModelRefused, match=said):
        read(checkpoint(entries))


def test_the_net_is_the_same_as_a_keras_file(read: Read, tmp_path: Path) -> None:
    model = read(CHECKPOINTS["both"][0])
    save_keras(model, tmp_path / "scanned.keras")  # which reads what it wrote and compares
    assert read((tmp_path / "scanned.keras").read_bytes(), None, "scanned.keras").equals(model)
