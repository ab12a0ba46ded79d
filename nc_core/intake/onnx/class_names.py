"""Names of classes that an ONNX file has in its metadata, as Ultralytics and others write them: text, never code.

They say nothing of the net. What cannot be taken is left out and told, and the net is read all the same.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nc_core.class_names import ALL_CHARACTERS, as_names, parse_class_names
from nc_core.errors import OptionRefused

KEYS = ("names", "class_names", "labels", "classes", "id2label")
"""Entries of the metadata that may hold them."""
TEXT = 8 * ALL_CHARACTERS
"""Characters of an entry that is read: of all names, escaped, with whatever stands between them."""
WHY = 150
"""Characters of a reason that is told."""


class Named(NamedTuple):
    """names: one for each class, or none. place: where they stand. note: what was left out, and why."""

    names: tuple[str, ...] = ()
    place: str = ""
    note: str = ""


def class_names_of(metadata: Iterable[tuple[str, str]], classes: int) -> Named:
    """The names of so many classes in an ONNX file's metadata (key, text), where all that name them agree."""
    found: dict[str, tuple[str, ...]] = {}
    for key, text in metadata:
        if key not in KEYS or re.fullmatch(r"[0-9]{1,9}", text):  # how many classes there are
            continue
        if key in found:
            return _left_out(key, "they stand there twice")
        try:
            found[key] = _parsed(text)
        except OptionRefused as error:
            return _left_out(key, str(error).removeprefix("class names: ").partition(";")[0][:WHY])
        if len(found[key]) != classes:
            return _left_out(key, f"they are {len(found[key])}, the model has {classes} classes")
    return _agreed(found)


def _agreed(found: Mapping[str, tuple[str, ...]]) -> Named:
    if not found:
        return Named()
    if len({*found.values()}) > 1:
        return _left_out(" and ".join(found), "they differ")
    key, names = next(iter(found.items()))
    return Named(names=names, place=f"the ONNX file's metadata ({key})")


def _parsed(text: str) -> tuple[str, ...]:
    """As in a file of names; on one line between commas, too. Raises OptionRefused."""
    if len(text) > TEXT:
        raise OptionRefused(f"they have {len(text):,} characters, the limit is {TEXT:,}")
    plain = text.strip()
    if plain[:1] in ("[", "{") or "\n" in plain:
        return parse_class_names(plain)
    return as_names([name.strip() for name in plain.split(",")])


def _left_out(key: str, why: str) -> Named:
    return Named(note=f"the class names in the ONNX file's metadata ({key}) are not taken: {why}")
