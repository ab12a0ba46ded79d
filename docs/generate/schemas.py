"""JSON schemas as tables of their fields."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from docs.generate.markdown import code, table

Schema = Mapping[str, Any]
Link = Callable[[str], str]
"""The name of a schema -> how a page names it."""


def fields(schema: Schema, link: Link) -> list[str]:
    """The lines of a table of an object's fields; none where it has none."""
    required = schema.get("required", ())
    rows = [
        (code(name), type_of(field, link), "yes" if name in required else "", field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]
    return table(("field", "type", "required", "meaning"), rows) if rows else []


def type_of(schema: Schema, link: Link) -> str:
    """What a value may be, in words."""
    if reference := schema.get("$ref"):
        return link(name_of(reference))
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(type_of(one, link) for one in schema[several]))
    if "enum" in schema or "const" in schema:
        return ", ".join(code(str(value)) for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}), link)}"
    if schema.get("format") == "binary":
        return "file"
    return str(schema.get("type", "any"))


def references(schema: Any) -> Iterator[str]:
    """The names of the schemas that a schema points to, in the order in which they stand."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "$ref":
                yield name_of(value)
            else:
                yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def name_of(reference: str) -> str:
    """ "#/components/schemas/Result" -> "Result"."""
    return reference.rpartition("/")[2]
