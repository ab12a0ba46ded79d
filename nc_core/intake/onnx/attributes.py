"""The attributes of one node: each read by its type, and none left that nobody has read."""

from collections.abc import Sequence
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.onnx.arrays import Array, decoded
from nc_core.intake.onnx.wording import EXPORT
from nc_core.intake.wording import TWO_MEANINGS, shown

FIELDS = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
"""AttributeProto.AttributeType: the field that has the value."""


class Attributes:
    """By name. label: of the node, for messages."""

    def __init__(self, stored: Sequence[Any], label: str) -> None:
        self._label = label
        self._left = {attribute.name: attribute for attribute in stored}
        if len(self._left) != len(stored):
            raise ModelRefused(f"node {label!r} has an attribute twice: {TWO_MEANINGS}")

    def has(self, name: str) -> bool:
        """Whether the attribute is there and has not been read."""
        return name in self._left

    def whole(self, name: str, default: int) -> int:
        """A whole number."""
        return int(self._take(name, "i", default))

    def flag(self, name: str, *, default: bool) -> bool:
        """1 or 0, which are all that the standard has; runtimes differ on what other numbers mean."""
        found = self.whole(name, default)
        if found not in (0, 1):
            raise ModelRefused(
                f"node {self._label!r} has {name} {found}; the standard has 0 and 1, and runtimes take other numbers "
                f"differently: {EXPORT}"
            )
        return bool(found)

    def wholes(self, name: str, default: Sequence[int] | None = None) -> list[int] | None:
        """A list of whole numbers; `default` where the attribute is left out."""
        found = self._take(name, "ints", default)
        return None if found is None else [int(number) for number in found]

    def number(self, name: str, default: float) -> float:
        """A number of float32."""
        return float(self._take(name, "f", default))

    def numbers(self, name: str) -> list[float] | None:
        """A list of them; None where the attribute is left out."""
        found = self._take(name, "floats", None)
        return None if found is None else [float(number) for number in found]

    def word(self, name: str, default: str) -> str:
        """A word of the standard."""
        found = self._take(name, "s", default.encode())
        return bytes(found).decode("ascii", "replace")

    def array(self, name: str) -> Array | None:
        """An array; None where the attribute is left out."""
        found = self._take(name, "t", None)
        return None if found is None else decoded(found, f"{name} of node {self._label!r}")

    def check_all_read(self) -> None:
        """Raise ModelRefused where an attribute is left: it may change what the node computes."""
        for name in self._left:
            raise ModelRefused(
                f"node {self._label!r} has an attribute {shown(name)} that its operator has not in the opset of the "
                f"file, or that is not read here: {EXPORT}"
            )

    def _take(self, name: str, field: str, default: Any) -> Any:
        attribute = self._left.pop(name, None)
        if attribute is None:
            return default
        others = [other for other in FIELDS.values() if other != field and _has(attribute, other)]
        if FIELDS.get(attribute.type) != field or others:
            raise ModelRefused(
                f"attribute {shown(name)} of node {self._label!r} is not of the type that its operator has, or of two: "
                f"{EXPORT}"
            )
        return getattr(attribute, field)


def _has(attribute: Any, field: str) -> bool:
    return len(getattr(attribute, field)) > 0 if field.endswith("s") and field != "s" else attribute.HasField(field)
