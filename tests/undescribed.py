"""What an object has beyond the fields of its model, for tests of what the reference says of a result."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel


def undescribed(value: Any, at: str = "") -> Iterator[str]:
    """The paths of all keys, however deep, that no model describes: `labels.0.evidence.new`."""
    if isinstance(value, BaseModel):
        yield from (f"{at}{name}" for name in value.model_extra or ())
        value = {name: getattr(value, name) for name in type(value).model_fields}
    named = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for name, one in named:
        yield from undescribed(one, f"{at}{name}.")
