"""The reference of the settings, from their declarations."""

import ast
import inspect
import textwrap
from typing import Any

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from docs.generate.markdown import definition, joined
from nc_tasks.settings import Settings

INTRODUCTION = """\
Each setting is a variable of the environment with the prefix `CLEANSE_`. Generated from the code. The
[operations guide](../operations.md) says which of them to change, and when.
"""


def page() -> str:
    """The page on this version's settings."""
    meanings = docstrings(Settings)
    lines = ["# Settings", "", INTRODUCTION]
    for name, field in Settings.model_fields.items():
        lines += definition(_variables(name, field), f"{meanings[name]} Default: {_default(field)}.")
    return joined(*lines)


def docstrings(declared: type[Any]) -> dict[str, str]:
    """Name of an attribute of a class -> the string literal below it."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(declared))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for before, after in zip(tree.body, tree.body[1:], strict=False):
        literal = after.value if isinstance(after, ast.Expr) else None
        text = literal.value if isinstance(literal, ast.Constant) else None
        if isinstance(before, ast.AnnAssign) and isinstance(text, str):
            found[ast.unparse(before.target)] = inspect.cleandoc(text)
    return found


def _variables(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return ", ".join(map(str, alias.choices)) if isinstance(alias, AliasChoices) else f"CLEANSE_{name.upper()}"


def _default(field: FieldInfo) -> str:
    return "none" if field.default is None else f"`{field.default}`"
