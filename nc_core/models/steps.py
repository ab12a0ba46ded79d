"""A net as its steps in order, and nets that take these steps in another way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One call of a layer. inputs: the numbers of the values that it takes; output: of the one that it makes.

    shape: of its first input, with the batch axis.
    """

    layer: Any
    inputs: tuple[int, ...]
    output: int
    shape: tuple[int | None, ...]


def steps_of(model: keras.Model) -> list[Step]:
    """The calls that lead from the image, value 0, to the output, which the last step makes."""
    numbers: dict[Any, int] = {}
    steps: list[Step] = []
    stack = [model.outputs[0]]
    while stack:
        layer, call, _ = stack[-1]._keras_history
        needed = layer._inbound_nodes[call].input_tensors
        missing = [tensor for tensor in needed if id(tensor) not in numbers]
        if missing:
            stack.extend(missing)
            continue
        done = stack.pop()
        if id(done) in numbers:
            continue
        numbers[id(done)] = len(steps) + 1 if needed else 0
        if needed:
            inputs = tuple(numbers[id(tensor)] for tensor in needed)
            steps.append(Step(layer=layer, inputs=inputs, output=numbers[id(done)], shape=tuple(needed[0].shape)))
    return steps


class Walk(keras.Model):  # type: ignore[misc]  # Keras has no types
    """A net that takes these steps, with the layers' own weights: a training of theirs is seen here too."""

    def __init__(self, steps: Sequence[Step], input_shape: tuple[int | None, ...]) -> None:
        super().__init__()
        self.steps = tuple(steps)
        self._taken = [step.layer for step in steps]  # Keras finds the weights of layers in lists alone
        self._shape = tuple(input_shape)
        self.built = True

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Of the image, with its batch axis."""
        return self._shape

    def call(self, x: Any, training: bool = False) -> Any:  # noqa: ARG002
        """Images (n, H, W, C) -> what the last step makes."""
        values = {0: x}
        for step in self.steps:
            values[step.output] = self.take(step, values)
        return values[self.steps[-1].output] if self.steps else x

    def take(self, step: Step, values: Mapping[int, Any]) -> Any:
        """One step from the values so far, as at inference."""
        return taken(step, values)


def taken(step: Step, values: Mapping[int, Any]) -> Any:
    """What a step makes of the values so far, as at inference."""
    inputs = [values[number] for number in step.inputs]
    return step.layer(inputs if len(inputs) > 1 else inputs[0], training=False)
