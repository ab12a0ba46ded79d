"""Names of a model's outputs, in their order: read from what programs write, held to what can be shown anywhere."""

import json
import re
from collections.abc import Sequence
from typing import Any

from nc_core.errors import OptionRefused

MAX_LABELS = 100_000
"""Classes that a model may have to be spoken of label by label: far above any classifier."""
NAME_CHARACTERS = 100
ALL_CHARACTERS = 100_000
"""Of all names together: they are a part of every answer about the submission."""
SHOWABLE = (
    "^[^\\x00-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ud800-\\udfff\\ufeff\\ufff9-\\ufffb]+$"
)
"""No character that steers a terminal, breaks a line, is unseen, turns the direction of text, or is half of one."""
NUMBERED = re.compile(r"([0-9]+)[:,]?[ \t]+(.+)")
"""A line of Teachable Machine's labels.txt: "0 name"."""
SHOWN = 60

_CLOSING = {"[": "]", "{": "}"}
_ENTRY = re.compile(r"""\s*(?:([0-9]{1,9})\s*:\s*)?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*(?:,|$)""", re.DOTALL)
"""A text in quotes, in Python's list or behind its index in Python's dict."""
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(['\"\\]))")


def parse_class_names(text: str) -> tuple[str, ...]:
    """The names in a text: JSON (a list, index -> name or name -> index), Python's list or dict of texts as it prints
    them, or one a line, numbered from 0 or not.

    Raises OptionRefused with one line.
    """
    text = text.removeprefix("\ufeff").strip()
    return as_names(_from_json(text) if text[:1] in _CLOSING else _from_lines(text))


def _from_json(text: str) -> Sequence[Any]:
    try:
        value = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        if (printed := _printed(text)) is not None:
            return printed
        raise _refused(f"it is no JSON ({error})") from None
    if isinstance(value, list):
        return value
    by_name = all(type(each) is int for _, each in value)
    pairs = [(each, name) for name, each in value] if by_name else [(name, each) for name, each in value]
    # ImageNet's own index has a list of an id and a name for each class.
    return _by_index([(str(index), name[-1] if isinstance(name, list) and name else name) for index, name in pairs])


def _by_index(pairs: Sequence[tuple[str, Any]]) -> Sequence[Any]:
    names = dict(pairs)
    if len(names) != len(pairs) or any(str(index) not in names for index in range(len(pairs))):
        raise _refused(f"its {len(pairs)} indices are not 0 to {len(pairs) - 1}, each once")
    return [names[str(index)] for index in range(len(pairs))]


def _printed(text: str) -> Sequence[str] | None:
    """['cat', 'dog'] or {0: 'cat', 1: 'dog'}, of which nothing is evaluated; None where it is anything else."""
    if len(text) < 2 or text[-1] != _CLOSING[text[0]]:
        return None
    inner, at, found = text[1:-1].rstrip(), 0, list[tuple[str | None, str]]()
    while at < len(inner):
        entry = _ENTRY.match(inner, at)
        if entry is None or (entry[1] is None) != (text[0] == "["):
            return None
        at = entry.end()
        if (name := _unquoted(entry[2])) is None:
            return None
        found.append((entry[1], name))
    return [name for _, name in found] if text[0] == "[" else _by_index([(str(index), name) for index, name in found])


def _unquoted(literal: str) -> str | None:
    """The text of a literal; None where it has an escape of what could not be shown anyway."""
    inner = literal[1:-1]
    if "\\" in _ESCAPE.sub("", inner):
        return None
    return _ESCAPE.sub(lambda found: found[3] or chr(int(found[1] or found[2], 16)), inner)


def _from_lines(text: str) -> Sequence[str]:
    lines = [line.strip(" \t\r") for line in text.split("\n")]
    numbered = [NUMBERED.fullmatch(line) for line in lines]
    if [one and int(one[1][:12]) for one in numbered] == list(range(len(lines))):
        return [one[2] for one in numbered if one]
    return lines


def as_names(names: Sequence[Any]) -> tuple[str, ...]:
    """The names as they are, where all can be shown; raises OptionRefused."""
    if not 2 <= len(names) <= MAX_LABELS:
        raise _refused(f"it has {len(names)} names, 2 to {MAX_LABELS} are needed")
    for index, name in enumerate(names):
        if not isinstance(name, str) or not re.fullmatch(SHOWABLE, name) or not name.strip():
            raise _refused(f"name {index} is {ascii(name)[:SHOWN]}, where text of one line is needed")
        if len(name) > NAME_CHARACTERS:
            raise _refused(f"name {index} has {len(name)} characters, the limit is {NAME_CHARACTERS}")
    if (total := sum(map(len, names))) > ALL_CHARACTERS:
        raise _refused(f"its names have {total:,} characters together, the limit is {ALL_CHARACTERS:,}")
    return tuple(names)


def _refused(why: str) -> OptionRefused:
    return OptionRefused(
        f"class names: {why}; pass one name for each output of the model, in their order: a JSON list, an object of "
        "index and name, or one name a line"
    )
