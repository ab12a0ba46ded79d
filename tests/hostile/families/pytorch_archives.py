"""PyTorch archives and safetensors files that are two files, packed, damaged, or not as long as they say."""

import io
import json
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile.families.case import Case, packed_zeros, stored
from tests.hostile.families.pytorch_pickles import STATE
from tests.state_dicts import archive, header_and, mapping, members_of, program, pytorch, safetensors, storages, tensors

PICKLE = program(mapping(tensors(STATE)))
MEMBERS = members_of(PICKLE, storages(STATE))
ENTRY: dict[str, Any] = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
EIGHT = bytes(8)


def more(**members: bytes) -> bytes:
    """The archive with these members besides, or instead; a double underscore is a slash."""
    return archive({**MEMBERS, **{name.replace("__", "/"): content for name, content in members.items()}})


def _twice(name: str) -> bytes:
    buffer = io.BytesIO(archive(MEMBERS))
    with zipfile.ZipFile(buffer, "a") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.writestr(f"archive/{name}", MEMBERS[name])
    return buffer.getvalue()


def _without(name: str) -> bytes:
    return archive({member: content for member, content in MEMBERS.items() if member != name})


def _encrypted() -> bytes:
    content = bytearray(archive(MEMBERS))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    return bytes(content)


def _bomb(folder: Path) -> Path:
    """A gigabyte of zeros in a megabyte, as a storage."""
    members = {f"archive/{name}": content for name, content in MEMBERS.items() if name != "data/0"}
    with (folder / "weights.pth").open("wb") as file:
        packed_zeros(file, members, "archive/data/0", b"", 2**30, zipfile.ZIP_DEFLATED)
    return folder / "weights.pth"


def _offsets(first: list[int], second: list[int], size: int = 16) -> bytes:
    entries = {"a": {**ENTRY, "data_offsets": first}, "b": {**ENTRY, "data_offsets": second}}
    return header_and(entries, bytes(size))


def _entry(**changes: Any) -> bytes:
    return header_and({"a": {**ENTRY, **changes}}, EIGHT)


_PTH: dict[str, tuple[bytes, str]] = {
    "TorchScript": (archive({**MEMBERS, "constants.pkl": b"", "code/__torch__.py": b""}), "TorchScript"),
    "code beside the weights": (archive({**MEMBERS, "hook.txt": b"import os"}), "which PyTorch does not write"),
    "a path out of the folder": (
        archive({**{f"archive/{name}": data for name, data in MEMBERS.items()}, "../owned": b""}, top=""),
        "which PyTorch does not write",
    ),
    "an absolute path": (
        archive({**{f"archive/{name}": data for name, data in MEMBERS.items()}, "/tmp/owned": b""}, top=""),
        "which PyTorch does not write",
    ),
    "two folders": (
        archive({**{f"archive/{name}": data for name, data in MEMBERS.items()}, "other/data.pkl": PICKLE}, top=""),
        "which PyTorch does not write",
    ),
    "a storage by another name of its number": (more(data__00=b"1234"), "which PyTorch does not write"),
    "a storage that nobody takes": (more(data__9=b"1234"), "holds the storage 9"),
    "a storage that is missing": (_without("data/1"), "lacks the storage 1"),
    "a storage that is shorter": (more(data__0=b"1234"), "has 4 bytes"),
    "a storage that is longer": (more(data__0=bytes(220)), "has 220 bytes"),
    "two pickles": (_twice("data.pkl"), "two files of one name"),
    "two storages of one name": (_twice("data/0"), "two files of one name"),
    "an encrypted member": (_encrypted(), "damaged or encrypted"),
    "a packed member": (archive(MEMBERS, method=zipfile.ZIP_DEFLATED), "is packed"),
    "a member packed by bzip2": (archive(MEMBERS, method=zipfile.ZIP_BZIP2), "is packed"),
    "another byte order": (more(byteorder=b"big"), "byte order 'big'"),
    "bytes before the archive": (b"\x80\x02}." + archive(MEMBERS), "a Python pickle"),
    "bytes behind the archive": (archive(MEMBERS) + b"cos\nsystem\n", "that belong to none|cut off or damaged"),
    "an empty state dict": (archive(members_of(program(b"}"), {})), "no state dict"),
    "a number": (archive(members_of(program(b"K\x01"), {})), "no state dict"),
    "cut off": (archive(MEMBERS)[:-30], "cut off or damaged"),
    "no pickle": (_without("data.pkl"), "zip archive without"),
    "before PyTorch 1.6": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + PICKLE, "PyTorch before 1.6"),
    "a pickle alone": (PICKLE, "a Python pickle"),
    "no known architecture": (pytorch(STATE), "of none that is read here"),
}
_SAFETENSORS: dict[str, tuple[bytes, str]] = {
    "a header beyond the file": (struct.pack("<Q", 2**40) + b"{}" + EIGHT, "no known format|is said to have"),
    "a header that is a list": (header_and(b"{" + b"[" * 40, EIGHT), "no valid JSON"),
    "a header that is nested": (header_and(b'{"a":' + b"[" * 9000 + b"]" * 9000 + b"}", EIGHT), "nested"),
    "a name twice": (
        header_and(json.dumps({"a": ENTRY}).encode()[:-1] + b', "a": ' + json.dumps(ENTRY).encode() + b"}", EIGHT),
        "no valid JSON",
    ),
    "arrays that overlap": (_offsets([0, 8], [4, 12], 12), "overlap or leave a gap"),
    "arrays with a gap": (_offsets([0, 8], [12, 20], 20), "overlap or leave a gap"),
    "bytes left over": (header_and({"a": ENTRY}, bytes(12)), "8 bytes and the file 12"),
    "bytes that are missing": (header_and({"a": ENTRY}, bytes(4)), "8 bytes and the file 4"),
    "a negative place": (_entry(data_offsets=[-8, 0]), "not read here"),
    "places the wrong way round": (_entry(data_offsets=[8, 0]), "as its shape and dtype do not"),
    "a negative size": (_entry(shape=[-2]), "not read here"),
    "a size beyond all bounds": (_entry(shape=[2**40, 2**40]), "as its shape and dtype do not"),
    "a size that is no number": (_entry(shape=["2"]), "not read here"),
    "a truth for a size": (_entry(shape=[True, 2]), "not read here"),
    "many axes": (_entry(shape=[1] * 60), "not read here"),
    "an unknown type": (_entry(dtype="F8_E4M3"), "not read here"),
    "a type that is a list": (_entry(dtype=["F32"]), "not read here"),
    "a field more": (_entry(code="import os"), "without dtype"),
    "an entry that is none": (header_and({"a": 7}, EIGHT), "without dtype"),
    "no arrays": (header_and({"__metadata__": {}}, b""), "no state dict"),
    "a zip within": (safetensors(STATE) + b"PK\x05\x06" + bytes(18), "also be read as a zip"),
    "HDF5 within": (
        safetensors({"a": np.zeros(200, np.float32)}).ljust(1024, b"\0")[:512] + b"\x89HDF\r\n\x1a\n" + bytes(504),
        "also be read as HDF5",
    ),
}

REFUSED: dict[str, Case] = {
    **{label: Case(stored("weights.pth", content), said) for label, (content, said) in _PTH.items()},
    **{
        f"safetensors, {label}": Case(stored("weights.safetensors", content), said)
        for label, (content, said) in _SAFETENSORS.items()
    },
    "a storage of zeros": Case(_bomb, "is packed"),
}

QUARANTINED = ("a storage of zeros", "code beside the weights", "two pickles", "safetensors, arrays that overlap")
CASES = {label: REFUSED[label] for label in QUARANTINED}
"""Those that are also read in quarantine; all are in test_pytorch."""
