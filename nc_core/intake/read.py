"""The one reader of untrusted model files: a file in, a canonical model or a one-line refusal out."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, Unpack

from nc_core.errors import ModelRefused
from nc_core.intake import teachable
from nc_core.intake.archive import KerasArchive
from nc_core.intake.assemble import assemble
from nc_core.intake.canonical import CanonicalModel
from nc_core.intake.config import read_config
from nc_core.intake.container import SUFFIXES, check_suffix
from nc_core.intake.fields import major
from nc_core.intake.hdf5 import group_at, names_attribute, open_hdf5, refuse_others, text_attribute
from nc_core.intake.presets import PRESETS
from nc_core.intake.savedmodel.folder import opened
from nc_core.intake.savedmodel.read import read_saved_model
from nc_core.intake.sniff import check_file, sniff
from nc_core.intake.strict_json import parse
from nc_core.intake.tree import Model
from nc_core.intake.weights import Arrays, archive_arrays, legacy_arrays
from nc_core.intake.wording import shown
from nc_core.reading import Reading

if TYPE_CHECKING:
    from nc_core.intake.pytorch.fitting import Chosen


def reads_graphs(name: str, architecture: str | None) -> bool:
    """Whether a file of this name can get as far as the readers of ONNX and PyTorch.

    What they stand on takes a third of a reader's start, and a file of Keras needs none of it. They are imported by
    the first file that does; a process that can open nothing any more has to import them before.
    """
    return architecture is not None or SUFFIXES.get(PurePath(name).suffix.lower()) not in ("keras", "hdf5")


def load_graphs() -> None:
    """Import the readers of ONNX and PyTorch."""
    import nc_core.intake.onnx.read
    import nc_core.intake.pytorch.read  # noqa: F401


def read_model(path: Path, **reading: Unpack[Reading]) -> CanonicalModel:
    """Read an image classifier (`.h5` of Keras 2 or 3, `.keras`, a SavedModel folder of Keras 2, `.onnx`, `.pth`,
    `.pt`, `.safetensors`); nothing but `path` is touched.

    reading: see `nc_core.reading.Reading`; the architecture of PyTorch's weights also with the size of its pictures,
    NAME@HEIGHTxWIDTH. Raises ModelRefused, one line, for everything that is not such a classifier. It reads in this
    process: what users hand in goes through `nc_core.quarantine`.
    """
    check_file(path)
    with opened(path) as (file, name):
        return read_open_model(file, name=name, **reading)


def read_open_model(file: BinaryIO, *, name: str, **reading: Unpack[Reading]) -> CanonicalModel:
    """The same for a file that is open already; `name` helps to tell what a foreign one is."""
    architecture = reading.get("architecture")
    given = None if architecture is None else _chosen(architecture)
    stored = file.seek(0, os.SEEK_END)
    kind = sniff(file, name)
    if kind == "pytorch" or kind == "safetensors":
        check_suffix(name, kind)
        _refuse_others(reading)
        from nc_core.intake.pytorch.architectures import ARCHITECTURES
        from nc_core.intake.pytorch.read import read_pytorch

        if given is not None and given.name not in ARCHITECTURES:
            raise ModelRefused(
                f"{given.name} is an architecture of Keras, and the file holds weights of PyTorch; of those are known: "
                f"{', '.join(ARCHITECTURES)}"
            )
        return read_pytorch(file, kind=kind, architecture=given, stored=stored)
    if kind == "onnx":
        _refuse_architecture(architecture)
        check_suffix(name, kind)
        from nc_core.intake.onnx.read import read_onnx

        return read_onnx(file, stored=stored, reading=reading)
    if kind == "keras":
        _refuse_architecture(architecture)
        return _read_archive(file, name, stored, reading)
    if kind == "teachable":
        _refuse_architecture(architecture)
        return _read_teachable(file, name, stored, reading)
    if kind == "savedmodel":
        _refuse_architecture(architecture)
        check_suffix(name, kind)
        return read_saved_model(file, stored=stored, reading=reading)
    with open_hdf5(file) as root:
        check_suffix(name, "hdf5")
        return _read_hdf5(root, stored, reading)


def _chosen(architecture: str) -> "Chosen":
    from nc_core.intake.pytorch.architectures import ARCHITECTURES
    from nc_core.intake.pytorch.fitting import chosen

    given = chosen(architecture)
    if given is None or given.name not in {**PRESETS, **ARCHITECTURES}:
        raise ModelRefused(
            f"there is no architecture {shown(architecture)}; known are: {', '.join([*PRESETS, *ARCHITECTURES])}, the "
            "latter, of PyTorch, also with the size of their pictures, such as resnet18@64x64"
        )
    return given


def _read_archive(file: BinaryIO, name: str, stored: int, reading: Reading) -> CanonicalModel:
    with KerasArchive(file) as archive:
        check_suffix(name, "keras")
        config = parse(archive.text("config.json"), "model configuration")
        metadata = parse(archive.text("metadata.json"), "archive's metadata")
        model = read_config(config, keras=major(metadata.get("keras_version")), output=reading.get("output"))
        with open_hdf5(archive.hdf5()) as root:
            return assemble(model, archive_arrays(root, model), stored=stored, input_shape=reading.get("input_shape"))


def _read_teachable(file: BinaryIO, name: str, stored: int, reading: Reading) -> CanonicalModel:
    with KerasArchive(file, (teachable.MODEL, teachable.LABELS), teachable.WHAT) as archive:
        check_suffix(name, "teachable")
        with open_hdf5(archive.hdf5(teachable.MODEL)) as root:
            model = _read_hdf5(root, stored, reading)
        return replace(model, class_names=teachable.names_in(archive, model.classes), named_in=teachable.LABELS)


MODEL_GROUPS = ("model_weights", "optimizer_weights")
"""What a whole model has in HDF5: the layers' weights, and the state of its training."""


def _read_hdf5(file: Any, stored: int, reading: Reading) -> CanonicalModel:
    text = text_attribute(file, "model_config")
    if text is None:
        _refuse_others(reading)
        return _read_weights(file, reading.get("architecture"), stored)
    _refuse_architecture(reading.get("architecture"))
    refuse_others(file, MODEL_GROUPS)
    version = major(text_attribute(file, "keras_version"))
    model = read_config(parse(text, "model configuration"), keras=version, output=reading.get("output"))
    group = group_at(file, "model_weights")
    if group is None:
        raise ModelRefused(
            "the file holds an architecture without weights: save the whole model, model.save('model.keras')"
        )
    return assemble(model, legacy_arrays(group, model), stored=stored, input_shape=reading.get("input_shape"))


def _read_weights(file: Any, architecture: str | None, stored: int) -> CanonicalModel:
    """Weights alone, in either layout, put into a preset with as many classes as their last layer has."""
    layout: Callable[[Any, Model], Arrays]
    listed = names_attribute(file, "layer_names")
    if listed is not None:
        refuse_others(file, [*listed, "top_level_model_weights"])
        layout = legacy_arrays
    elif group_at(file, "layers") is not None:
        layout = archive_arrays
    else:
        raise ModelRefused(
            "the HDF5 file holds no Keras model (no model_config, no layer weights): if it holds images, "
            "pass it as --data"
        )
    if architecture is None:
        raise ModelRefused(
            "the file holds weights without an architecture: say which it is, --architecture "
            f"{' or '.join(PRESETS)}, or submit the whole model, model.save('model.keras')"
        )
    preset = PRESETS.get(architecture)
    if preset is None:
        raise ModelRefused(
            f"{shown(architecture)} is an architecture of PyTorch, and the file holds weights of Keras; of those are "
            f"known: {', '.join(PRESETS)}"
        )
    arrays = layout(file, _preset_tree(preset(2)))
    outputs = [array.shape[-1] for array in arrays.get(("output",), []) if array.shape]
    return assemble(_preset_tree(preset(max([1, *outputs[-1:]]))), arrays, stored=stored)


def _preset_tree(config: Mapping[str, Any]) -> Model:
    return read_config(config, keras=3)


def _refuse_architecture(architecture: str | None) -> None:
    if architecture is not None:
        raise ModelRefused(f"the file holds its own architecture: leave out --architecture {architecture}")


def _refuse_others(reading: Reading) -> None:
    if reading.get("output") is not None:
        raise ModelRefused(
            f"the file holds weights alone, and an architecture has one output: leave out --output {reading['output']}"
        )
    if reading.get("input_shape") is not None:
        raise ModelRefused(
            "the file holds weights alone; what they are for says the size of its pictures, for PyTorch behind the "
            "name, --architecture resnet18@64x64: leave out --input-shape"
        )
