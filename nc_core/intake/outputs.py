"""Which of several outputs is the classifier's: the user says it, by the name that the file has for it."""

from collections.abc import Collection
from dataclasses import replace

from nc_core.errors import ModelRefused
from nc_core.intake.tree import Model
from nc_core.intake.wording import shown

NAMED = 8
"""Outputs that a refusal names."""


def pick(names: Collection[str], wanted: str | None) -> str:
    """The wanted one of a file's outputs, or its only one; ModelRefused, with their names, where that is not said."""
    listed = list(names)
    if wanted is None and len(listed) == 1:
        return listed[0]
    told = ", ".join(map(shown, listed[:NAMED])) + (" and others" if len(listed) > NAMED else "")
    if wanted is None:
        raise ModelRefused(
            f"the model has {len(listed)} outputs, {told}; a classifier has one: say which it is, --output NAME"
        )
    if wanted not in listed:
        raise ModelRefused(f"the model has no output {shown(wanted)}; it has {told}: pass --output with one of these")
    return wanted


def chosen(model: Model, wanted: str | None) -> Model:
    """The whole model with the wanted output."""
    return replace(model, output=model.outputs[pick(model.outputs, wanted)])


def only(model: Model) -> Model:
    """A model within another one, which has one output."""
    if len(model.outputs) != 1:
        raise ModelRefused(
            f"model {model.name!r} has {len(model.outputs)} outputs and is part of another one; such a model has one: "
            "make it anew as keras.Model(model.inputs, model.outputs[0]), and save the whole model again"
        )
    return model


def left_out(count: int, name: str) -> str:
    """What the result says where one of several outputs was read; nothing of a single one."""
    return f"of the {count} outputs of the file {shown(name)} is scanned, the others are not" if count > 1 else ""
