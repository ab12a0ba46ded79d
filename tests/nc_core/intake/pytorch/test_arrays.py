"""Arrays as PyTorch may store them: of several types, in another order of axes, a part of a storage."""

import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake.pytorch.read import _unpooled
from tests import tiny_architecture
from tests.nc_core.intake.pytorch.conftest import Read
from tests.state_dicts import (
    Array,
    archive,
    mapping,
    members_of,
    program,
    pytorch,
    safetensors,
    storages,
    tensor,
    tensors,
)

STATE = tiny_architecture.state()
KERNEL = STATE["conv.weight"]  # (4, 3, 3, 3)


def with_kernel(instructions: bytes, numbers: bytes) -> bytes:
    """The state dict with its first array, storage 0, stored in another way."""
    values = {**tensors(STATE), "conv.weight": instructions}
    return archive(members_of(program(mapping(values)), {**storages(STATE), "data/0": numbers}))


def test_the_first_array_is_the_kernel() -> None:
    assert next(iter(STATE)) == "conv.weight"


@pytest.mark.parametrize("order", [(0, 2, 3, 1), (3, 2, 1, 0), (1, 0, 2, 3)])
def test_an_array_in_another_order_of_axes(order: tuple[int, ...], read: Read) -> None:
    # Given channels_last, as net.to(memory_format=torch.channels_last) has it, and others
    moved = np.ascontiguousarray(KERNEL.transpose(order))
    strides = [0] * 4
    for place, axis in enumerate(order):
        strides[axis] = moved.strides[place] // 4
    content = with_kernel(tensor("0", "FloatStorage", KERNEL.size, KERNEL.shape, strides), moved.tobytes())
    assert read(content).equals(read(pytorch(STATE)))


def test_an_array_within_a_longer_storage(read: Read) -> None:
    numbers = np.concatenate([np.full(7, np.nan, np.float32), KERNEL.reshape(-1), np.full(2, np.nan, np.float32)])
    content = with_kernel(tensor("0", "FloatStorage", numbers.size, KERNEL.shape, offset=7), numbers.tobytes())
    assert read(content).equals(read(pytorch(STATE)))


def rounded(dtype: str) -> dict[str, Array]:
    return {name: array.astype(dtype) if array.dtype.kind == "f" else array for name, array in STATE.items()}


@pytest.mark.parametrize("dtype", ["<f2", "<f8"])
def test_other_floats_become_float32(dtype: str, read: Read) -> None:
    state = rounded(dtype)
    plain = {name: array.astype(np.float32) if array.dtype.kind == "f" else array for name, array in state.items()}
    assert read(pytorch(state)).equals(read(pytorch(plain)))
    assert read(safetensors(state)).equals(read(pytorch(plain)))


def test_bfloat16_is_the_upper_half_of_a_float32(read: Read) -> None:
    upper = (KERNEL.view(np.uint32) >> 16).astype("<u2")
    expected = {**STATE, "conv.weight": (upper.astype(np.uint32) << 16).view(np.float32)}
    content = with_kernel(tensor("0", "BFloat16Storage", KERNEL.size, KERNEL.shape), upper.tobytes())
    assert read(content).equals(read(pytorch(expected)))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"conv.weight": np.full_like(KERNEL, np.nan)}, "not finite"),
        ({"conv.weight": KERNEL.astype("<f8") * 1e300}, "not finite"),
        ({"conv.weight": KERNEL.astype("<i8")}, "conv.weight is of int64; weights are floats"),
        ({"norm.running_var": np.full(4, -1, np.float32)}, "variance below 0"),
    ],
)
def test_weights_that_are_none_are_refused(changed: dict[str, Array], said: str, read: Read) -> None:
    with pytest.raises(ModelRefused, match=said):
        read(pytorch({**STATE, **changed}))


def test_numbers_that_changed_on_their_way_are_refused(read: Read) -> None:
    content = bytearray(pytorch(STATE))
    content[content.index(KERNEL.tobytes()) + 2] ^= 1
    with pytest.raises(ModelRefused, match="data/0 of the PyTorch file is damaged"):
        read(bytes(content))


def test_a_storage_of_two_names_is_refused(read: Read) -> None:
    content = pytorch(STATE)
    at = content.index(b"archive/data/1")
    with pytest.raises(ModelRefused, match="data/1 of the PyTorch file is damaged"):
        read(content[:at] + b"archive/data/2" + content[at + 14 :])


def pooled(image: Array, rows: int, columns: int) -> Array:
    """AdaptiveAvgPool2d as the documents of PyTorch have it, place by place; image: (C, H, W)."""
    _, height, width = image.shape
    found = np.zeros((len(image), rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = int(np.floor(i * height / rows)), int(np.floor(j * width / columns))
            bottom, right = int(np.ceil((i + 1) * height / rows)), int(np.ceil((j + 1) * width / columns))
            found[:, i, j] = image[:, top:bottom, left:right].mean(axis=(1, 2))
    return found


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (6, 8), (7, 5), (9, 20)])
def test_a_matrix_takes_in_the_pooling_before_it(size: tuple[int, int]) -> None:
    chance = np.random.default_rng(0)
    image, matrix = chance.normal(size=(5, *size)), chance.normal(size=(4, 5 * 49)).astype(np.float32)
    whole = _unpooled(matrix, size, (7, 7))
    np.testing.assert_allclose(whole @ image.reshape(-1), matrix @ pooled(image, 7, 7).reshape(-1), atol=1e-4)
