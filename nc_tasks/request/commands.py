"""The commands that repeat a scan, as people type them into a POSIX shell."""

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from nc_tasks.request.options import ScanOptions

COMMANDS = ("run", "submit")
NAMES_FILE = "class-names.json"
"""Where the first line writes the names of the classes, where they were given."""
ELSEWHERE = ("alpha", "twin")
"""Options that a request over HTTP has, or a scan gives another, and the command line does not take."""


def commands_of(*, model: str, data: str, poisoned: Sequence[str], options: ScanOptions) -> dict[str, str] | None:
    """Command -> its line, with the files by the names that they were handed in under, and no option that is as it is
    by itself. None where an option is none of the command line.

    What is no option of the scan stands in none of them: tags, and the address of a callback, which may be secret.
    """
    fields = type(options).model_fields
    asked = {name: value for name in fields if (value := getattr(options, name)) != fields[name].default}
    if not asked.keys().isdisjoint(ELSEWHERE):
        return None
    words = [_path(model), "--data", _path(data)]
    for name in poisoned:
        words += ["--poisoned", _path(name)]
    words += [word for name, value in asked.items() for word in _words(name, value)]
    before = _written(options.class_names) if options.class_names is not None else ""
    return {command: f"{before}cleanse {command} {shlex.join(words)}" for command in COMMANDS}


def _words(name: str, value: Any) -> Iterator[str]:
    flag = f"--{name.replace('_', '-')}"
    if value is True:
        yield flag
        return
    text = _text(name, value)
    # An own word would be taken for an option.
    yield from [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def _text(name: str, value: Any) -> str:
    if name == "class_names":
        return NAMES_FILE
    return ",".join(value) or "none" if isinstance(value, tuple) else str(value)


def _path(name: str) -> str:
    return f"./{name}" if name.startswith("-") else name


def _written(names: Sequence[str]) -> str:
    return f"printf %s {shlex.quote(json.dumps(names, ensure_ascii=False))} > {NAMES_FILE}\n"
