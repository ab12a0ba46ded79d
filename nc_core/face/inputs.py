"""A model and data as a script has them: objects in memory, or paths of files."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Unpack

import keras

from nc_core.datasets import Images, Resize, read_memory
from nc_core.errors import ModelRefused, OptionRefused
from nc_core.face.torch_module import is_torch_module, net_of_module
from nc_core.intake import CanonicalModel
from nc_core.intake.input_shape import image_shape
from nc_core.models import canonical_of
from nc_core.quarantine.admit import admit_images, admit_model
from nc_core.reading import Reading
from nc_core.tensors import sha256_of


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a model or data came from. sha256: of its file, None of what lay in memory and of a folder."""

    name: str
    sha256: str | None


def net_of(model: Any, data: Any, **reading: Unpack[Reading]) -> CanonicalModel:
    """The canonical model of a `keras.Model` or a `torch.nn.Module`, which stay as they are, or of a file.

    data: images, by whose size a module is called. reading: what the model does not say itself; no architecture of a
    net in memory. Raises ModelRefused; DataRefused of data by which a module cannot be called.
    """
    if is_path(model):
        return admit_model(Path(model), **reading)
    of_torch = not isinstance(model, keras.Model) and is_torch_module(model)
    if not of_torch and not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise ModelRefused(
            f"the model is a {kind}; pass a keras.Model of Keras 3, a torch.nn.Module, or the path of a model file"
        )
    if (architecture := reading.get("architecture")) is not None:
        raise OptionRefused(f"a model in memory has its own architecture: leave out architecture={architecture!r}")
    if of_torch:
        return net_of_module(model, _image_of(data, reading.get("input_shape")), output=reading.get("output"))
    try:
        return canonical_of(model, **reading)
    except (TypeError, ValueError, NotImplementedError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelRefused(f"Keras cannot save this model ({why}); build it, and give each layer a config") from None


def _image_of(data: Any, said: str | None) -> tuple[int, int, int]:
    """(H, W, C) of the images that a module takes: what the user says, else the data's own."""
    if said is not None:
        return image_shape((None, None, None), said)
    _, height, width, channels = images_of(data, labelled=False, poisoned=True).pixels.shape
    return height, width, channels


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


def name_of(model: Any) -> str:
    """What a model in memory is called: its own name, as Keras gives one, else that of its class."""
    name = getattr(model, "name", None)
    return name if isinstance(name, str) else type(model).__name__


def is_path(thing: Any) -> bool:
    """Whether it names a file or folder."""
    return isinstance(thing, str | PathLike)
