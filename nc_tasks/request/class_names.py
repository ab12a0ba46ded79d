"""Names of a model's outputs as an option of a request."""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from nc_core.class_names import MAX_LABELS, NAME_CHARACTERS, SHOWABLE, as_names, parse_class_names

MAX_FILE = 4 * 2**20
"""Bytes of a file of names: as many characters as they may have, escaped, with whatever stands between them."""


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
