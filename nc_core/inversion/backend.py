"""Gradients and compilation: the only two things that Keras 3 leaves to its backend."""

from collections.abc import Callable
from typing import Any

import keras

from nc_core.errors import CleanseError


def gradient(function: Callable[..., tuple[Any, Any]]) -> Callable[..., tuple[Any, Any]]:
    """function(u, *rest) -> (loss, aux) becomes (u, *rest) -> (d loss / d u, aux)."""
    tensorflow = _tensorflow()

    def with_tape(u: Any, *rest: Any) -> tuple[Any, Any]:
        with tensorflow.GradientTape() as tape:
            tape.watch(u)
            loss, aux = function(u, *rest)
        return tape.gradient(loss, u), aux

    return with_tape


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """One graph for fixed shapes; XLA where the device is a GPU.

    On a CPU XLA runs convolutions inside loops on a single thread, 10 to 20 times slower than plain graphs.
    """
    tensorflow = _tensorflow()
    return tensorflow.function(function, jit_compile=on_gpu(), autograph=False)


def on_gpu() -> bool:
    """True where TensorFlow sees a GPU."""
    return bool(_tensorflow().config.list_physical_devices("GPU"))


def _tensorflow() -> Any:
    if keras.backend.backend() != "tensorflow":
        raise CleanseError(
            f"Keras runs on the backend {keras.backend.backend()!r}; triggers are reversed on 'tensorflow': "
            "set KERAS_BACKEND=tensorflow"
        )
    import tensorflow

    return tensorflow
