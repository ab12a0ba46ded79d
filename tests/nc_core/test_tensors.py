"""The file of arrays, held against the safetensors library."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from nc_core import tensors

ARRAYS: dict[str, Any] = {
    "a": np.arange(5, dtype=np.uint8),
    "b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "c": np.arange(3, dtype=np.int64),
    "empty": np.zeros((0, 4), np.float32),
    "turned": np.arange(6, dtype=np.int32).reshape(2, 3).T,
}


def equal(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return set(one) == set(two) and all(
        one[name].dtype == two[name].dtype and np.array_equal(one[name], two[name]) for name in one
    )


def test_the_library_reads_what_is_written_and_the_other_way_round(tmp_path: Path) -> None:
    tensors.save(tmp_path / "ours", ARRAYS, "text")
    assert equal(safetensors.numpy.load_file(tmp_path / "ours"), ARRAYS)
    contiguous = {name: np.ascontiguousarray(array) for name, array in ARRAYS.items()}
    safetensors.numpy.save_file(contiguous, tmp_path / "theirs", metadata={"cleanse": "text"})
    for name in ("ours", "theirs"):
        with (tmp_path / name).open("rb") as file:
            arrays, text = tensors.read(file)
        assert equal(arrays, ARRAYS)
        assert text == "text"
        assert not any(array.flags.writeable for array in arrays.values())


def written(header: Any, data: bytes = bytes(8), length: int | None = None) -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(encoded) if length is None else length).to_bytes(8, "little") + encoded + data


def array(**changed: Any) -> dict[str, Any]:
    plain = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    return {"__metadata__": {"cleanse": ""}, "a": {**plain, **changed}}


FILES = {
    "nothing": b"",
    "a header beyond the file": written(array(), length=2**40),
    "no JSON": written(b"{"),
    "JSON that is too deep": written(b"[" * 100_000),
    "a list": written([]),
    "no text": written({"a": array()["a"]}),
    "a text of another program": written({**array(), "__metadata__": {"format": "pt"}}),
    "an entry that is none": written({**array(), "a": 3}),
    "an unknown type": written(array(dtype="BF16")),
    "a type that is no text": written(array(dtype=["F32"])),
    "a negative size": written(array(shape=[-2])),
    "a size that is true": written(array(shape=[True, 2])),
    "another number of values": written(array(shape=[3])),
    "a huge size": written(array(shape=[2**40, 2**40])),
    "a zero beside a huge one": written(array(shape=[0, 2**60], data_offsets=[0, 0])),
    "an array beyond the end": written(array(shape=[4], data_offsets=[0, 16])),
    "a gap": written(array(shape=[1], data_offsets=[4, 8])),
    "bytes left over": written(array(), bytes(12)),
    "arrays over one another": written({**array(), "b": array()["a"]}),
}


@pytest.mark.parametrize("name", FILES)
def test_every_byte_must_be_accounted_for(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(FILES[name])
    with (tmp_path / "file").open("rb") as file, pytest.raises(ValueError, match=r"\w"):
        tensors.read(file)


def test_the_same_arrays_are_the_same_bytes() -> None:
    one, two = io.BytesIO(), io.BytesIO()
    tensors.write(one, ARRAYS, "text")
    tensors.write(two, dict(reversed(ARRAYS.items())), "text")
    assert one.getvalue() == two.getvalue()
