"""Gradients, compilation and what a device complains of: all that Keras 3 leaves to its backend.

Keras' own choice decides (KERAS_BACKEND, then its configuration file, then TensorFlow). Nothing outside this package
names a backend.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import keras

from nc_core.errors import CleanseError

Differentiated = Callable[..., tuple[Any, Any]]

Axes = tuple[Any, ...] | None

_MODULES = {
    "tensorflow": "nc_core.inversion.backend.on_tensorflow",
    "jax": "nc_core.inversion.backend.on_jax",
}


class Backend(Protocol):
    """What a module of this package provides."""

    @staticmethod
    def gradient(function: Differentiated) -> Differentiated:
        """See `gradient`."""

    @staticmethod
    def compiled(function: Callable[..., Any], net: keras.Model | None, free: Axes) -> Callable[..., Any]:
        """See `compiled`."""

    @staticmethod
    def on_gpu() -> bool:
        """See `on_gpu`."""

    @staticmethod
    def loops_well() -> bool:
        """See `loops_well`."""

    @staticmethod
    def out_of_memory(error: Exception) -> bool:
        """See `out_of_memory`."""


def on_gpu() -> bool:
    """Whether programs run on a GPU."""
    return _chosen().on_gpu()


def loops_well() -> bool:
    """Whether a net is as quick within a loop of a program as it is without one."""
    return _chosen().loops_well()


def out_of_memory(error: Exception) -> bool:
    """Whether a program failed because its device has no more memory."""
    return isinstance(error, MemoryError) or _chosen().out_of_memory(error)


def gradient(function: Differentiated) -> Differentiated:
    """function(u, *rest) -> (loss, aux) becomes (u, *rest) -> (d loss / d u, aux)."""
    return _chosen().gradient(function)


def compiled(function: Callable[..., Any], *, net: keras.Model | None = None, free: Axes = None) -> Callable[..., Any]:
    """One program, traced at the first call, for the shapes that it has there.

    function: takes and returns tensors or nests of them. net: the model that it calls, if any; every call reads its
    weights as they are then, so that what was compiled before a training answers as the trained net after it.
    free: for each argument, nested as it is, the axis whose length may be another in a later call, None for none.
    """
    return _chosen().compiled(function, net, free)


def _chosen() -> Backend:
    name = keras.backend.backend()
    if name not in _MODULES:
        raise CleanseError(
            f"Keras runs on the backend {name!r}; triggers are reversed on 'tensorflow' or 'jax': "
            "set KERAS_BACKEND to one of them"
        )
    module: Any = import_module(_MODULES[name])
    return module
