"""Data files of arrays: CSAW (HDF5) and Keras (npz)."""

import io
import pickle
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.hostile import seeds
from tests.hostile.families.case import Case, Make, packed_zeros, stored
from tests.hostile.families.containers import crashed

_SHAPE = (40, 8, 8, 3)


def data(make: Callable[[h5py.File], object], **others: Any) -> Make:
    """A CSAW file whose `data` is made so."""
    return lambda folder: seeds.write_csaw(folder / "data.h5", make, label=seeds.labels(), **others)


def _elsewhere(make: Callable[[h5py.File, str], object]) -> Make:
    def at(folder: Path) -> Path:
        secret = seeds.write_csaw(folder / "secret.h5")
        return data(lambda file: make(file, str(secret)))(folder)

    return at


def _virtual(file: h5py.File, secret: str) -> None:
    layout = h5py.VirtualLayout(_SHAPE, np.uint8)
    layout[:] = h5py.VirtualSource(secret, "data", _SHAPE)
    file.create_virtual_dataset("data", layout)


def _zeros(file: h5py.File) -> None:
    """800 MB of black pictures, packed once and stored a hundred times."""
    shape = (2000, 64, 64, 1)
    images = file.create_dataset("data", (200_000, *shape[1:]), np.uint8, chunks=shape, compression="gzip")
    packed = zlib.compress(bytes(2000 * 64 * 64))
    for start in range(0, 200_000, 2000):
        images.id.write_direct_chunk((start, 0, 0, 0), packed)


def _chunk(file: h5py.File) -> None:
    settings = {"maxshape": (None, 8, 8, 3), "chunks": (2**23, 8, 8, 3), "compression": "gzip"}
    file.create_dataset("data", _SHAPE, np.uint8, **settings)


def _filtered(file: h5py.File) -> None:
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk(_SHAPE)
    settings.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1, 2, 3))
    h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple(_SHAPE), settings)


def of(**arrays: Any) -> Make:
    """An .npz of these arrays."""
    return lambda folder: seeds.write_npz(folder / "data.npz", **arrays)


def member(name: str, content: bytes) -> Make:
    """An .npz with this member alone."""
    return lambda folder: seeds.write_keras(folder / "data.npz", {name: content})


def header(text: str, body: bytes = b"", version: int = 1) -> bytes:
    """An array file with this header."""
    encoded = text.encode()
    length = len(encoded).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + encoded + body


def shaped(shape: str, descr: str = "|u1") -> bytes:
    """An array file that declares this shape and type, and holds 100 bytes."""
    return header(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}\n", bytes(100))


def _pickled() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], object), allow_pickle=True)
    return buffer.getvalue()


def _one_gigabyte(folder: Path) -> Path:
    start = shaped(f"({2**24}, 8, 8, 1)")
    packed_zeros(folder / "data.npz", {}, "x.npy", start, 2**26, zipfile.ZIP_DEFLATED)
    return folder / "data.npz"


CASES = {
    "images behind a link": Case(
        _elsewhere(lambda f, secret: f.__setitem__("data", h5py.ExternalLink(secret, "data"))), "no plain array"
    ),
    "images behind a soft link": Case(data(lambda f: f.__setitem__("data", h5py.SoftLink("/label"))), "no plain array"),
    "images of another file, virtually": Case(_elsewhere(_virtual), "no plain array"),
    "images that are /etc/passwd": Case(
        data(lambda f: f.create_dataset("data", (40, 8, 8, 3), np.uint8, external=[("/etc/passwd", 0, 7680)])),
        "no plain array",
    ),
    "10 million images declared": Case(
        data(lambda f: f.create_dataset("data", (10**7, 55, 47, 3), np.float32, chunks=(1, 55, 47, 3))), "GiB"
    ),
    "images packed a thousandfold": Case(data(_zeros), "200 to 1"),
    "a chunk of 1.5 GiB": Case(data(_chunk), "a chunk of"),
    "filter from a plug-in": Case(data(_filtered), "filter 32015"),
    "images that are NaN": Case(data(lambda f: f.__setitem__("data", np.full(_SHAPE, np.nan))), "NaN"),
    "images that are records": Case(data(lambda f: f.__setitem__("data", np.zeros(_SHAPE, "u1,u1"))), "type"),
    "images that are texts": Case(data(lambda f: f.create_dataset("data", _SHAPE, h5py.string_dtype())), "type"),
    "images that are a group": Case(data(lambda f: f.create_group("data")), "no plain array"),
    "images that are nothing": Case(data(lambda f: f.__setitem__("data", h5py.Empty("u1"))), "no plain array"),
    "images of 9 axes": Case(data(lambda f: f.__setitem__("data", np.zeros((1,) * 9, np.uint8))), "shape"),
    "no images": Case(data(lambda f: f.__setitem__("data", np.zeros((0, 8, 8, 3), np.uint8))), "shape"),
    "fewer labels than images": Case(
        lambda folder: seeds.write_csaw(folder / "a.h5", data=seeds.pixels(), label=seeds.labels(7)), "7 labels"
    ),
    "labels behind a link": Case(
        lambda folder: seeds.write_csaw(
            folder / "a.h5",
            lambda f: f.__setitem__("label", h5py.ExternalLink("/etc/passwd", "x")),
            data=seeds.pixels(),
        ),
        "no plain array",
    ),
    "negative labels": Case(of(x=seeds.pixels(), y=-seeds.labels()), "no class number"),
    "labels beyond 2^31": Case(of(x=seeds.pixels(), y=seeds.labels() + 2**40), "no class number"),
    "half a file": Case(stored("a.h5", seeds.content(seeds.write_csaw)[:5000]), "damaged"),
    "pickled objects": Case(member("x.npy", _pickled()), "pickled"),
    "a pickle for an array": Case(member("x.npy", pickle.dumps(print)), "damaged"),
    "header that is code": Case(member("x.npy", header("__import__('os').system('touch /tmp/owned')\n")), "damaged"),
    "header with a name beyond ASCII": Case(member("x.npy", header("{'descr': h\u00eatre}\n")), "npz file is damaged"),
    "header of keys that have no order": Case(member("x.npy", header("{b'descr': '|u1', 'shape': 1}\n")), "damaged"),
    "header 100,000 levels deep": Case(member("x.npy", header("(" * 60_000)), "damaged"),
    "header of 3 MB": Case(member("x.npy", header("{" + " " * 3_000_000 + "}", version=2)), "damaged"),
    "array of 2^60": Case(member("x.npy", shaped(f"({2**60},)")), "GiB"),
    "array of 2^70 by nothing": Case(member("x.npy", shaped(f"({2**70}, 0)")), "GiB"),
    "array of nothing by 2^70": Case(member("x.npy", shaped(f"(40, 0, {2**70}, 3)")), "GiB"),
    "array of 2^70 of no bytes": Case(member("x.npy", shaped(f"({2**70},)", "|V0")), "GiB"),
    "labels that are one text": Case(
        lambda folder: seeds.write_csaw(folder / "a.h5", data=seeds.pixels(), label=np.bytes_(b"0")), "labels have type"
    ),
    "array of 19 GiB": Case(member("x.npy", shaped(f"({19 * 2**20}, 32, 32)")), "200 to 1"),
    "array of negative size": Case(member("x.npy", shaped("(-5, 8, 8, 3)")), "shape"),
    "array that is shorter than it says": Case(member("x.npy", shaped("(40, 8, 8, 3)")), "damaged"),
    "array of dates": Case(member("x.npy", shaped("(1, 2, 2, 1)", "<M8[s]")), "type"),
    "type that is no Python": Case(member("x.npy", shaped("(1, 2, 2, 1)", "(3 4)u1,u1")), "damaged"),
    "array of an unknown version": Case(member("x.npy", b"\x93NUMPY\x09\x00" + bytes(100)), "version"),
    "array of 1 GiB in a small zip": Case(_one_gigabyte, "200 to 1"),
    "another array": Case(of(weights=seeds.pixels()), "holds weights"),
    "floats beyond any pixel": Case(of(x=np.full(_SHAPE, 1e30), y=seeds.labels()), "expected 0..255"),
    **crashed("data"),
}
