"""The reference of the command line, from the program's own commands."""

import inspect
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

import typer

from docs.generate.markdown import definition, joined

INTRODUCTION = """\
Generated from the program; `cleanse COMMAND --help` prints the same. Every command ends with one of these exit codes:

| exit code | meaning |
| --- | --- |
| 0 | clean, or done |
| 1 | failed |
| 2 | the input was refused; one line says why |
| 3 | backdoored |
| 4 | inconclusive |
| 64 | the command line itself is wrong |
"""


def program() -> Any:
    """The root command of what is installed as `cleanse`."""
    (script,) = entry_points(group="console_scripts", name="cleanse")
    app = inspect.getmodule(script.load()).app  # type: ignore[union-attr]
    return typer.main.get_command(app)


def commands(command: Any, path: str = "cleanse") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name, such as "cleanse key create"."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, found in command.commands.items():
        yield from commands(found, f"{path} {name}")


def page_of(root: Any) -> str:
    """The page on a root command."""
    lines = ["# Command line", "", INTRODUCTION]
    for path, command in commands(root):
        lines += [f"## {path}", "", *_command(path, command)]
    return joined(*lines)


def _command(path: str, command: Any) -> list[str]:
    context = typer.Context(command, info_name=path)
    usage = command.get_usage(context).removeprefix("Usage: ")
    lines = ["```", usage, "```", "", inspect.cleandoc(command.help or ""), ""]
    for parameter in command.params:
        if record := parameter.get_help_record(context):
            lines += definition(record[0], record[1].replace("[", "(").replace("]", ")"))
    return lines


def page() -> str:
    """The page on `cleanse`."""
    return page_of(program())
