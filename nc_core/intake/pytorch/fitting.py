"""A state dict held against the architectures: which of them it fits, and what it has else."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nc_core.errors import ModelRefused
from nc_core.intake.pytorch.architectures import ARCHITECTURES, Architecture
from nc_core.intake.pytorch.sketch import Flow, Sketch
from nc_core.intake.pytorch.stored import State
from nc_core.intake.pytorch.wording import EXPORT_NET
from nc_core.intake.wording import shown

_CHOSEN = re.compile(r"([a-z0-9_-]{1,40})(?:@([1-9][0-9]{0,3})(?:x([1-9][0-9]{0,3}))?)?", re.ASCII)


class Chosen(NamedTuple):
    """An architecture by name, and the size of its pictures where that was said."""

    name: str
    size: tuple[int, int] | None


def chosen(text: str) -> Chosen | None:
    """`NAME`, `NAME@SIZE` or `NAME@HEIGHTxWIDTH`, hyphens for underscores or not; None for any other text."""
    found = _CHOSEN.fullmatch(text)
    if found is None:
        return None
    name, height, width = found.groups()
    return Chosen(name.replace("-", "_"), (int(height), int(width or height)) if height else None)


class Drawn(NamedTuple):
    """A sketch, and what it gives: scores of the classes."""

    sketch: Sketch
    output: Flow


def fitted(state: State, given: Chosen) -> Drawn:
    """The architecture, drawn for these weights; ModelRefused where they are not its."""
    architecture = ARCHITECTURES[given.name]
    found = _drawn(state, architecture, given.size)
    told = next(_differences(state, found.sketch.shapes), None) if found else _lacking(architecture)
    if found is None or told is not None:
        others = [name for name in matching(state) if name != given.name]
        instead = f"pass {' or '.join(others)}, of which it has all names and shapes" if others else EXPORT_NET
        raise ModelRefused(f"the state dict is not that of {given.name}, since {told}: {instead}")
    return found


def matching(state: State) -> list[str]:
    """The architectures of which a state dict has all names and shapes, and no other ones."""
    return [name for name, architecture in ARCHITECTURES.items() if _fits(state, architecture)]


def refuse_unnamed(state: State) -> ModelRefused:
    """Weights without an architecture: those that they may be of."""
    found = matching(state)
    if not found:
        return ModelRefused(
            "the file holds weights without an architecture, and they are of none that is read here "
            f"({', '.join(ARCHITECTURES)}): {EXPORT_NET}"
        )
    size = ARCHITECTURES[found[0]].size
    return ModelRefused(
        f"the file holds weights without an architecture; their names and shapes are those of {' and '.join(found)}: "
        f"say so, --architecture {found[0]}, or with the size of its pictures, if that is not {size}x{size}, "
        f"--architecture {found[0]}@HEIGHTxWIDTH"
    )


def _fits(state: State, architecture: Architecture) -> bool:
    found = _drawn(state, architecture, None)
    return found is not None and next(_differences(state, found.sketch.shapes), None) is None


def _drawn(state: State, architecture: Architecture, size: tuple[int, int] | None) -> Drawn | None:
    """None where the weights that tell the numbers of channels and classes are not there."""
    stem, head = state.get(architecture.stem), state.get(architecture.head)
    if stem is None or head is None or len(stem.shape) != 4 or len(head.shape) != 2:
        return None
    sketch = Sketch(stem.shape[1], size or (architecture.size, architecture.size))
    return Drawn(sketch, architecture.draw(sketch, head.shape[0]))


def _lacking(architecture: Architecture) -> str:
    return f"it has no kernel {architecture.stem} or no matrix {architecture.head}"


def _differences(state: State, wanted: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    for name, shape in wanted.items():
        if name not in state:
            yield f"it lacks {name}"
        elif state[name].shape != shape:
            yield f"{name} has the shape {shown(state[name].shape)}, not {shape}"
    for name in state:
        if name not in wanted:
            yield f"it also holds {shown(name)}"
