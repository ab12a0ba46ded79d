"""Gradient tapes and graphs of TensorFlow."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow

from nc_core.inversion.backend import Axes, Differentiated


def on_gpu() -> bool:
    """See `nc_core.inversion.backend.on_gpu`."""
    return bool(tensorflow.config.list_physical_devices("GPU"))


def through_xla() -> bool:
    """Whether XLA compiles programs: on a GPU alone.

    On a CPU it is slow within loops (`nc_core.inversion.backend.on_jax.loops_well`).
    """
    return on_gpu()


def loops_well() -> bool:
    """See `nc_core.inversion.backend.loops_well`."""
    return True


def out_of_memory(error: Exception) -> bool:
    """See `nc_core.inversion.backend.out_of_memory`."""
    return isinstance(error, tensorflow.errors.ResourceExhaustedError)


def gradient(function: Differentiated) -> Differentiated:
    """See `nc_core.inversion.backend.gradient`.

    On a CPU a graph of its own, kept out of the loop that calls it. Within a loop, which has no beginning, TensorFlow's
    choice of oneDNN's operations goes by the order in which it comes upon them, another one at every trace: now and
    then it left the gradient of max pooling to one that is twelve times slower (a third of an update of a GTSRB net).
    """

    def with_tape(u: Any, *rest: Any) -> tuple[Any, Any]:
        with tensorflow.GradientTape() as tape:
            tape.watch(u)
            loss, aux = function(u, *rest)
        return tape.gradient(loss, u), aux

    if on_gpu():
        return with_tape
    return tensorflow.function(with_tape, autograph=False, experimental_attributes={"_noinline": True})


def compiled(function: Callable[..., Any], net: keras.Model | None, free: Axes) -> Callable[..., Any]:  # noqa: ARG001
    """One graph, which refers to the weights of a net and does not copy them; see `through_xla`."""
    program = tensorflow.function(function, jit_compile=through_xla(), autograph=False)
    return program if free is None else _of_free_shapes(program, free)


def _of_free_shapes(program: Any, free: tuple[Any, ...]) -> Callable[..., Any]:
    """The program, traced at its first call for every length of the free axes."""
    traced: list[Any] = []

    def spec(tensor: Any, axis: int | None) -> Any:
        lengths = [None if nth == axis else length for nth, length in enumerate(tensor.shape)]
        return tensorflow.TensorSpec(lengths, tensor.dtype)

    def call(*arguments: Any) -> Any:
        if not traced:
            specs = tensorflow.nest.map_structure(spec, arguments, free)
            traced.append(program.get_concrete_function(*specs))
        return traced[0](*arguments)

    return call
