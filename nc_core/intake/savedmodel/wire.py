"""Messages of protobuf by a table of their fields: each known, of its wire type, and said once.

Of two values of one field parsers keep the last, and what they do not know they skip: such a message would have more
than one meaning, and is refused (protobuf.dev, "Encoding").
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from nc_core.errors import ModelRefused
from nc_core.intake.limits import SAVED_FIELDS, within
from nc_core.intake.savedmodel.wording import AGAIN
from nc_core.intake.wording import TWO_MEANINGS

VARINT, LENGTH, FIXED32 = 0, 2, 5


class Field(NamedTuple):
    """A field of a message: what it is called here, how it is written, and whether it may stand there again."""

    name: str
    wire: int = LENGTH
    repeated: bool = False


Fields = Mapping[int, Field]


class Budget:
    """Counts the fields of one file; what: the file, for messages."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._spent = 0

    def message(self, content: memoryview, fields: Fields) -> dict[str, Any]:
        """The fields of a message by name: whole numbers, memoryviews, and lists of these for what may be repeated.

        What is left out is not in it, but for the lists. Raises ModelRefused.
        """
        found: dict[str, Any] = {field.name: [] for field in fields.values() if field.repeated}
        for number, wire, value in self._values(content):
            field = fields.get(number)
            if field is None or field.wire != wire:
                raise ModelRefused(f"{self.what} has a field {number} that is not read here: save the model again")
            if field.repeated:
                found[field.name].append(value)
            elif field.name in found:
                raise ModelRefused(f"{self.what} says {field.name} twice: {TWO_MEANINGS}")
            else:
                found[field.name] = value
        return found

    def text(self, value: memoryview) -> str:
        """A value of UTF-8 text."""
        try:
            return str(value, "utf-8")
        except UnicodeDecodeError:
            raise ModelRefused(f"{self.what} holds a text that is no UTF-8: {AGAIN}") from None

    def _values(self, content: memoryview) -> Iterator[tuple[int, int, Any]]:
        """Number, wire type and value of every field."""
        at, end = 0, len(content)
        while at < end:
            self._spent += 1
            within(self._spent, SAVED_FIELDS, f"fields in its {self.what}")
            tag, at = varint(content, at, self.what)
            value: int | memoryview
            if tag & 7 == VARINT:
                value, at = varint(content, at, self.what)
            elif tag & 7 == LENGTH:
                length, begin = varint(content, at, self.what)
                value, at = content[begin : begin + length], begin + length
            elif tag & 7 == FIXED32:
                value, at = int.from_bytes(content[at : at + 4], "little"), at + 4
            else:
                raise damaged(self.what)
            if at > end:
                raise damaged(self.what)
            yield tag >> 3, tag & 7, value


def varint(content: memoryview, at: int, what: str) -> tuple[int, int]:
    """A number of up to ten bytes, and where the next one begins. Raises ModelRefused."""
    value = 0
    for place in range(at, min(at + 10, len(content))):
        byte = content[place]
        value |= (byte & 0x7F) << (7 * (place - at))
        if byte < 0x80:
            return value, place + 1
    raise damaged(what)


def damaged(what: str) -> ModelRefused:
    """Of a file that is not what its writer made."""
    return ModelRefused(f"{what} of the SavedModel is cut off or damaged: {AGAIN}")
