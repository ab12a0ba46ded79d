"""Names of a model's outputs, in their order: read from what programs write, held to what can be shown anywhere."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from nc_core.errors import OptionRefused
from nc_tasks.request.label_ranges import MAX_LABELS

NAME_CHARACTERS = 100
ALL_CHARACTERS = 100_000
"""Of all names together: they are a part of every answer about the submission."""
MAX_FILE = 4 * 2**20
"""Bytes of a file of names: as many characters as they may have, escaped, with whatever stands between them."""
SHOWABLE = "^[^\\x00-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]+$"
"""No character that steers a terminal, breaks a line, is unseen or turns the direction of text."""
NUMBERED = re.compile(r"([0-9]+)[:,]?[ \t]+(.+)")
"""A line of Teachable Machine's labels.txt: "0 name"."""
SHOWN = 60


def parse_class_names(text: str) -> tuple[str, ...]:
    """The names in a text: JSON (a list, index -> name or name -> index), or one a line, numbered from 0 or not.

    Raises OptionRefused with one line.
    """
    text = text.removeprefix("\ufeff").strip()
    return as_names(_from_json(text) if text[:1] in ("[", "{") else _from_lines(text))


def _from_json(text: str) -> Sequence[Any]:
    try:
        value = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        raise _refused(f"it is no JSON ({error})") from None
    if isinstance(value, list):
        return value
    by_name = all(type(each) is int for _, each in value)
    pairs = [(each, name) for name, each in value] if by_name else [(name, each) for name, each in value]
    # ImageNet's own index has a list of an id and a name for each class.
    names = {str(index): name[-1] if isinstance(name, list) and name else name for index, name in pairs}
    if len(names) != len(pairs) or any(str(index) not in names for index in range(len(pairs))):
        raise _refused(f"its {len(pairs)} indices are not 0 to {len(pairs) - 1}, each once")
    return [names[str(index)] for index in range(len(pairs))]


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


def _read(value: Any) -> Any:
    if isinstance(value, str):
        return parse_class_names(value)
    if isinstance(value, (list, tuple)):
        return as_names(value)
    raise ValueError("input should be a list of names, or text with one name a line")


ClassNames = Annotated[
    tuple[str, ...],
    BeforeValidator(_read),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": NAME_CHARACTERS, "pattern": SHOWABLE},
            "minItems": 2,
            "maxItems": MAX_LABELS,
            "description": "Names of the model's outputs, in their order; also as text, as in a file of them.",
        }
    ),
]
"""A field of names: taken as a list or as the text of a file, kept as a list."""
