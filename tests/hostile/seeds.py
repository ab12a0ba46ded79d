"""Tiny valid files, written by hand and not by Keras, so that each byte of them can be chosen."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import h5py
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

Config = dict[str, Any]
Place = Path | BinaryIO
Arrays = Mapping[str, Mapping[str, npt.NDArray[Any]]]
"""Layer -> weight -> array."""


P = TypeVar("P", bound=Place)


def generator() -> np.random.Generator:
    """The same numbers every time."""
    return np.random.default_rng(5)


def entry(kind: str, name: str, source: str | None = None, **options: Any) -> Config:
    """One layer of a Functional model as Keras 3 writes it into `.h5`."""
    history = {"class_name": "__keras_tensor__", "config": {"keras_history": [source, 0, 0]}}
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, **options},
        "registered_name": None,
        "name": name,
        "inbound_nodes": [{"args": [history], "kwargs": {}}] if source else [],
    }


def functional(layers: list[Config], output: str = "answer", name: str = "classifier") -> Config:
    """A model of such layers; the first is its input."""
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": name,
            "layers": layers,
            "input_layers": [[layers[0]["name"], 0, 0]],
            "output_layers": [[output, 0, 0]],
        },
    }


def classifier() -> Config:
    """Images of 8x8x3 in three classes: conv, norm, flat, answer."""
    return functional(
        [
            entry("InputLayer", "picture", batch_shape=[None, 8, 8, 3]),
            entry("Conv2D", "conv", "picture", filters=4, kernel_size=[3, 3], activation="relu"),
            entry("BatchNormalization", "norm", "conv"),
            entry("Flatten", "flat", "norm"),
            entry("Dense", "answer", "flat", units=3, activation="softmax"),
        ]
    )


def layer(config: Config, name: str) -> Config:
    """A layer's entry, to be changed."""
    found: Config = next(each for each in config["config"]["layers"] if each["name"] == name)
    return found


def weights() -> dict[str, dict[str, npt.NDArray[Any]]]:
    """The arrays of `classifier`."""
    random = generator()

    def drawn(*shape: int) -> npt.NDArray[np.float32]:
        return random.normal(0, 0.3, shape).astype(np.float32)

    return {
        "conv": {"kernel": drawn(3, 3, 3, 4), "bias": drawn(4)},
        "norm": {
            "gamma": drawn(4),
            "beta": drawn(4),
            "moving_mean": drawn(4),
            "moving_variance": np.abs(drawn(4)) + 1,
        },
        "answer": {"kernel": drawn(144, 3), "bias": drawn(3)},
    }


def write_h5(
    path: P,
    config: Config | str | None = None,
    arrays: Arrays | None = None,
    change: Callable[[h5py.File], object] | None = None,
) -> P:
    """A model file; `config` may be any text instead, and `change` is made to the open file at the end."""
    config = classifier() if config is None else config
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
        file.attrs["keras_version"] = "3.15.1"
        top = file.create_group("model_weights")
        stored = weights() if arrays is None else arrays
        top.attrs["layer_names"] = np.array(list(stored), "S" if stored else "S1")
        for name, own in stored.items():
            group = top.create_group(name)
            group.attrs["weight_names"] = np.array([f"{name}/{weight}" for weight in own], "S")
            for weight, array in own.items():
                group[f"{name}/{weight}"] = array
        if change is not None:
            change(file)
    return path


PLACES = {"conv": "conv2d", "norm": "batch_normalization", "answer": "dense"}
"""Where the layers of `classifier` lie in a `.keras` archive."""


def weights_h5(arrays: Arrays | None = None) -> bytes:
    """The member model.weights.h5 of an archive."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, own in (weights() if arrays is None else arrays).items():
            for number, array in enumerate(own.values()):
                file[f"layers/{PLACES[name]}/vars/{number}"] = array
    return buffer.getvalue()


def members(config: Config | None = None) -> dict[str, bytes]:
    """The three members of a `.keras` archive."""
    return {
        "metadata.json": json.dumps({"keras_version": "3.15.1"}).encode(),
        "config.json": json.dumps(config or classifier()).encode(),
        "model.weights.h5": weights_h5(),
    }


def write_keras(path: P, content: Mapping[str, bytes] | None = None, method: int = zipfile.ZIP_STORED) -> P:
    """An archive of these members, all deflated or all stored."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in (members() if content is None else content).items():
            archive.writestr(name, data)
    return path


def pixels(count: int = 40) -> npt.NDArray[np.uint8]:
    """(count, 8, 8, 3)."""
    return generator().integers(0, 256, (count, 8, 8, 3), np.uint8)


def labels(count: int = 40) -> npt.NDArray[np.int64]:
    """(count,) of three classes."""
    return np.arange(count) % 3


def write_csaw(path: P, change: Callable[[h5py.File], object] | None = None, **arrays: npt.NDArray[Any]) -> P:
    """A CSAW file of images and labels, or of these arrays."""
    with h5py.File(path, "w") as file:
        for name, array in (arrays or {"data": pixels(), "label": labels()}).items():
            file[name] = array
        if change is not None:
            change(file)
    return path


def write_csaw_packed(path: P) -> P:
    """The same in compressed chunks."""
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=pixels(), chunks=(7, 8, 8, 3), compression="gzip", shuffle=True)
        file.create_dataset("label", data=labels(), chunks=(7,), compression="lzf", fletcher32=True)
    return path


def write_npz(path: P, **arrays: Any) -> P:
    """A Keras data file of images and labels, or of these arrays."""
    np.savez_compressed(path, **(arrays or {"x_test": pixels(), "y_test": labels()}))
    return path


def encoded(image: npt.NDArray[np.uint8] | None = None, form: str = "PNG") -> bytes:
    """One picture."""
    buffer = io.BytesIO()
    Image.fromarray(pixels(1)[0] if image is None else image).save(buffer, form)
    return buffer.getvalue()


FORMATS = ("PNG", "JPEG", "BMP", "PPM", "WEBP")


def write_pictures(path: P, extra: Mapping[str, bytes] | None = None, formats: tuple[str, ...] = ("PNG",)) -> P:
    """A zip of 40 pictures in two classes, and these members."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, image in enumerate(pixels()):
            form = formats[number % len(formats)]
            suffix = "jpg" if form == "JPEG" else form.lower()
            archive.writestr(f"{number % 2}/{number:02}.{suffix}", encoded(image, form))
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return path


def parquet_table(count: int = 40) -> pa.Table:
    """The same pictures and labels with named classes, as `datasets` of Hugging Face has them."""
    names = {"names": ["go", "stop", "wait"], "_type": "ClassLabel"}
    features = {"info": {"features": {"image": {"_type": "Image"}, "label": names}}}
    pictures = [{"bytes": encoded(image), "path": None} for image in pixels(count)]
    columns = {
        "image": pa.array(pictures, pa.struct({"bytes": pa.binary(), "path": pa.string()})),
        "label": pa.array(labels(count)),
    }
    return pa.table(columns).replace_schema_metadata({"huggingface": json.dumps(features)})


def write_parquet(path: P, table: pa.Table | None = None, **options: Any) -> P:
    """A Parquet file of this table, or of the one above."""
    pq.write_table(parquet_table() if table is None else table, path, **options)
    return path


Members = Iterable[tuple[str | tarfile.TarInfo, bytes]]


def samples(count: int = 40) -> list[tuple[str | tarfile.TarInfo, bytes]]:
    """The same as members of a WebDataset."""
    found: list[tuple[str | tarfile.TarInfo, bytes]] = []
    for number, (image, label) in enumerate(zip(pixels(count), labels(count), strict=True)):
        found += [(f"{number:03}.png", encoded(image)), (f"{number:03}.cls", b"%d" % label)]
    return found


def write_tar(path: P, members: Members | None = None) -> P:
    """A tar of these members, by name or with a header of their own, or of the samples above."""
    with tarfile.open(
        path if isinstance(path, Path) else None, "w", None if isinstance(path, Path) else path
    ) as archive:
        for named, data in samples() if members is None else members:
            info = tarfile.TarInfo(named) if isinstance(named, str) else named
            info.size = len(data) if isinstance(named, str) else named.size
            archive.addfile(info, io.BytesIO(data))
    return path


def content(write: Callable[[io.BytesIO], io.BytesIO]) -> bytes:
    """The bytes of a file that one of the functions above writes."""
    return write(io.BytesIO()).getvalue()
