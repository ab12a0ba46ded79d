"""HDF5 weights that lie elsewhere, are none, or are larger than they look."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.hostile import seeds
from tests.hostile.families.case import Case, Make

KERNEL = "model_weights/conv/conv/kernel"
SHAPE = (3, 3, 3, 4)


def _changed(change: Callable[[h5py.File], object]) -> Make:
    return lambda folder: seeds.write_h5(folder / "model.h5", change=change)


def kernel(make: Callable[[h5py.File], object]) -> Make:
    """The classifier with the kernel of `conv` made anew."""

    def change(file: h5py.File) -> None:
        del file[KERNEL]
        make(file)

    return _changed(change)


def _secret(folder: Path) -> Path:
    """Another file of this machine, which must not be read."""
    with h5py.File(folder / "secret.h5", "w") as file:
        file["kernel"] = np.ones(SHAPE, np.float32)
    return folder / "secret.h5"


def _elsewhere(make: Callable[[h5py.File, Path], object]) -> Make:
    def at(folder: Path) -> Path:
        secret = _secret(folder)
        return kernel(lambda file: make(file, secret))(folder)

    return at


def _virtual(file: h5py.File, secret: Path) -> None:
    layout = h5py.VirtualLayout(SHAPE, np.float32)
    layout[:] = h5py.VirtualSource(str(secret), "kernel", SHAPE)
    file.create_virtual_dataset(KERNEL, layout)


def _of(array: Any) -> Make:
    return kernel(lambda file: file.create_dataset(KERNEL, data=array))


def _with(value: float, dtype: Any = np.float32) -> Make:
    array = np.ones(SHAPE, dtype)
    array[0, 0, 0, 0] = value
    return _of(array)


def _filtered(file: h5py.File) -> None:
    """A filter that HDF5 would look for as a plug-in on the disk; optional, so that it can be written."""
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk(SHAPE)
    settings.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1, 2, 3))
    h5py.h5d.create(file.id, KERNEL.encode(), h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple(SHAPE), settings)


def _zeros(units: int) -> Make:
    """A net of `units` answers whose kernel is zeros, compressed a thousandfold."""

    def make(folder: Path) -> Path:
        config = seeds.classifier()
        seeds.layer(config, "answer")["config"]["units"] = units

        def change(file: h5py.File) -> None:
            group = file["model_weights/answer/answer"]
            del group["kernel"], group["bias"]
            group.create_dataset("bias", data=np.zeros(units, np.float32), compression="gzip")
            kernel = group.create_dataset("kernel", (144, units), np.float32, chunks=(1, units), compression="gzip")
            packed = zlib.compress(bytes(4 * units))
            for row in range(144):
                kernel.id.write_direct_chunk((row, 0), packed)

        return seeds.write_h5(folder / "zeros.h5", config, change=change)

    return make


def _chunk(file: h5py.File) -> None:
    """A small array in one chunk of 3 GiB."""
    file.create_dataset(
        KERNEL, SHAPE, np.float32, chunks=(3, 3, 3, 2**25), maxshape=(3, 3, 3, None), compression="gzip"
    )


def _attribute(name: str, value: Any, at: str = "model_weights") -> Make:
    def change(file: h5py.File) -> None:
        del file[at].attrs[name]
        file[at].attrs[name] = value

    return _changed(change)


def _many_names(file: h5py.File) -> None:
    """Keras splits a list of names that is too long for one attribute; so does this."""
    attributes = file["model_weights"].attrs
    del attributes["layer_names"]
    for part in range(12):
        attributes[f"layer_names{part}"] = np.array([f"{part}.{n}" for n in range(3000)], "S")


CASES = {
    "soft link": Case(kernel(lambda f: f.__setitem__(KERNEL, h5py.SoftLink("/model_weights/norm"))), "SoftLink"),
    "soft link to itself": Case(kernel(lambda f: f.__setitem__(KERNEL, h5py.SoftLink(f"/{KERNEL}"))), "SoftLink"),
    "link to another file": Case(
        _elsewhere(lambda f, secret: f.__setitem__(KERNEL, h5py.ExternalLink(str(secret), "kernel"))), "ExternalLink"
    ),
    "link to /etc/passwd": Case(
        kernel(lambda f: f.__setitem__(KERNEL, h5py.ExternalLink("/etc/passwd", "kernel"))), "ExternalLink"
    ),
    "group that is a link": Case(
        _changed(lambda f: (f.move("model_weights", "m"), f.__setitem__("model_weights", h5py.SoftLink("/m")))),
        "also holds 'm'",
    ),
    "virtual array over another file": Case(_elsewhere(_virtual), "another file"),
    "raw data in another file": Case(
        _elsewhere(lambda f, s: f.create_dataset(KERNEL, SHAPE, np.float32, external=[(str(s), 0, 432)])),
        "another file",
    ),
    "raw data in /etc/passwd": Case(
        kernel(lambda f: f.create_dataset(KERNEL, SHAPE, np.float32, external=[("/etc/passwd", 0, 432)])),
        "another file",
    ),
    "declared and never written": Case(
        kernel(lambda f: f.create_dataset(KERNEL, SHAPE, np.float32, chunks=True)), "never written"
    ),
    "2^40 values declared": Case(
        kernel(lambda f: f.create_dataset(KERNEL, (2**20, 2**20), np.float32, chunks=(1, 1024))), "shape"
    ),
    "zeros packed a thousandfold": Case(_zeros(400_000), "bytes of weights in a file"),
    "a chunk of gigabytes": Case(kernel(_chunk), "chunks of"),
    "filter from a plug-in": Case(kernel(_filtered), "filter 32015"),
    "NaN": Case(_with(np.nan), "NaN"),
    "infinity": Case(_with(np.inf), "infinity"),
    "minus infinity": Case(_with(-np.inf), "infinity"),
    "double beyond float32": Case(_with(1e300, np.float64), "infinity"),
    "integers": Case(_of(np.ones(SHAPE, np.int64)), "int64"),
    "complex numbers": Case(_of(np.ones(SHAPE, np.complex64)), "complex64|\\[\\('r'"),
    "long doubles": Case(_of(np.ones(SHAPE, np.longdouble)), "float128"),
    "records": Case(_of(np.zeros(SHAPE, [("a", "f4"), ("b", "f4")])), "hold"),
    "texts": Case(kernel(lambda f: f.create_dataset(KERNEL, SHAPE, h5py.string_dtype())), "hold object"),
    "references": Case(kernel(lambda f: f.create_dataset(KERNEL, SHAPE, h5py.ref_dtype)), "hold object"),
    "a shape turned around": Case(_of(np.ones((4, 3, 3, 3), np.float32)), "shape"),
    "a scalar": Case(_of(np.float32(1)), "shape"),
    "nothing": Case(kernel(lambda f: f.create_dataset(KERNEL, data=h5py.Empty("f4"))), "shape"),
    "a group for an array": Case(kernel(lambda f: f.create_group(KERNEL)), "no array"),
    "array missing": Case(_changed(lambda f: f.__delitem__(KERNEL)), "no array"),
    "name of an array outside": Case(
        _attribute("weight_names", np.array(["../../conv", "/etc/passwd"], "S"), "model_weights/conv"), "no array"
    ),
    "name of 60,000 slashes": Case(
        _attribute("weight_names", np.array(["/" * 30_000, "a"], "S"), "model_weights/conv"), "characters"
    ),
    "names that are numbers": Case(_attribute("layer_names", np.zeros(3, np.int64)), "list of names"),
    "names of other layers": Case(_attribute("layer_names", np.array(["conv", "norm"], "S")), "belong together"),
    "36,000 names": Case(_changed(_many_names), "over 32,000 entries"),
    "no weights": Case(_changed(lambda f: f.__delitem__("model_weights")), "without weights"),
    "a group inside itself": Case(
        _changed(lambda f: f["model_weights"].__setitem__("again", f["model_weights"])), None
    ),
}
