"""A model and data as a script has them: objects in memory, or paths of files."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Unpack

import keras

from nc_core.datasets import Images, Resize, read_memory
from nc_core.errors import ModelRefused, OptionRefused
from nc_core.intake import CanonicalModel
from nc_core.models import canonical_of
from nc_core.quarantine.admit import admit_images, admit_model
from nc_core.reading import Reading
from nc_core.tensors import sha256_of


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a model or data came from. sha256: of its file, None of what lay in memory and of a folder."""

    name: str
    sha256: str | None


def net_of(model: Any, **reading: Unpack[Reading]) -> CanonicalModel:
    """The canonical model of a `keras.Model`, which stays as it is, or of a file; raises ModelRefused.

    reading: what the model does not say itself; no architecture of a net in memory.
    """
    if is_path(model):
        return admit_model(Path(model), **reading)
    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise ModelRefused(f"the model is a {kind}; pass a keras.Model of Keras 3, or the path of a model file")
    if (architecture := reading.get("architecture")) is not None:
        raise OptionRefused(f"a model in memory has its own architecture: leave out architecture={architecture!r}")
    try:
        return canonical_of(model, **reading)
    except (TypeError, ValueError, NotImplementedError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelRefused(f"Keras cannot save this model ({why}); build it, and give each layer a config") from None


def images_of(
    data: Any,
    net: CanonicalModel | None = None,
    *,
    resize: Resize | None = None,
    labelled: bool = True,
    poisoned: bool = False,
) -> Images:
    """Images in memory, or of a file or folder, checked alike; see `read_memory`, also for what it raises."""
    read: Any = admit_images if is_path(data) else read_memory
    given = Path(data) if is_path(data) else data
    shape = None if net is None else net.input_shape
    images: Images = read(given, input_shape=shape, resize=resize, labelled=labelled, poisoned=poisoned)
    return images


def origin_of(thing: Any, name: str) -> Origin:
    """name: of what lies in memory."""
    if not is_path(thing):
        return Origin(name=name, sha256=None)
    path = Path(thing)
    return Origin(name=path.name, sha256=sha256_of(path) if path.is_file() else None)


def is_path(thing: Any) -> bool:
    """Whether it names a file or folder."""
    return isinstance(thing, str | PathLike)
