"""Gradients and programs of JAX, always through XLA."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import keras

from nc_core.inversion.backend import Axes, Differentiated


def on_gpu() -> bool:
    """See `nc_core.inversion.backend.on_gpu`."""
    return jax.default_backend() == "gpu"


def loops_well() -> bool:
    """See `nc_core.inversion.backend.loops_well`.

    On a CPU XLA brings convolutions into the order that its fast ones take (kernels as height, width, in, out) outside
    of loops alone: `ConvCanonicalization` of xla/service/cpu walks the entry computation. Within one it computes the
    gradients of convolutions by its slow ones, and an update of a GTSRB net took seven times the processor time.
    """
    return on_gpu()


def out_of_memory(error: Exception) -> bool:
    """See `nc_core.inversion.backend.out_of_memory`."""
    return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)


def gradient(function: Differentiated) -> Differentiated:
    """See `nc_core.inversion.backend.gradient`."""
    return jax.grad(function, has_aux=True)


def compiled(function: Callable[..., Any], net: keras.Model | None, free: Axes) -> Callable[..., Any]:  # noqa: ARG001
    """One XLA program for each length of a free axis, which takes the weights of a net as arguments.

    JAX makes a constant of any array that a function closes over: weights would stay for ever what they were at the
    first call. So the function runs in a scope where each variable has the value of its argument, as in Keras' own
    `stateless_call`.
    """
    variables = [] if net is None else list(net.variables)

    def with_values(values: Sequence[Any], *arguments: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*arguments)

    program = jax.jit(with_values)

    def call(*arguments: Any) -> Any:
        return program([variable.value for variable in variables], *arguments)

    return call
