"""The reference of the HTTP API, from the service's OpenAPI document."""

import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from api.web.app import create_app
from docs.generate.markdown import code, joined, table
from docs.generate.schemas import fields, type_of
from nc_tasks.settings import Settings

INTRODUCTION = """\
Generated from the service's OpenAPI document, which a running service serves as `/v1/openapi.json`: make clients from
that. Where a key is needed it is sent as `Authorization: Bearer KEY`. Errors are
[problem details](https://www.rfc-editor.org/rfc/rfc9457) (`application/problem+json`).
"""


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of this version."""
    with tempfile.TemporaryDirectory() as home:
        return create_app(Settings(home=Path(home))).openapi()


def page() -> str:
    """The page on this version's API."""
    lines = ["# HTTP API", "", INTRODUCTION]
    for tag, operations in _by_tag(document()).items():
        lines += [f"## {tag.capitalize()}", ""]
        for method, path, operation in operations:
            lines += [f"### {method.upper()} {path}", "", *_operation(operation)]
    lines += ["## Objects", ""]
    for name, schema in document()["components"]["schemas"].items():
        lines += [f"### {name}", "", schema.get("description", ""), "", *fields(schema, link), ""]
    return joined(*lines)


def link(name: str) -> str:
    """A schema's name with a link to its section of the page."""
    return f"[{name}](#{name.lower()})"


def _by_tag(found: Mapping[str, Any]) -> dict[str, list[tuple[str, str, Mapping[str, Any]]]]:
    by_tag: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation.get("tags", ["other"])[0], []).append((method, path, operation))
    return by_tag


def _operation(operation: Mapping[str, Any]) -> Iterator[str]:
    yield operation.get("description", operation.get("summary", ""))
    yield ""
    parameters = operation.get("parameters", ())
    rows = [
        (code(one["name"]), one["in"], type_of(one["schema"], link), one.get("description", "")) for one in parameters
    ]
    if rows:
        yield from [*table(("parameter", "in", "type", "meaning"), rows), ""]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        told = fields(content["schema"], link)
        yield from [f"Body: {code(kind)}" + ("" if told else f", {type_of(content['schema'], link)}"), "", *told, ""]
    yield from [*table(("status", "answer", "content"), _answers(operation["responses"])), ""]


def _answers(responses: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for status, answer in sorted(responses.items()):
        kinds = [
            f"{code(kind)} {type_of(content['schema'], link) if content.get('schema') else ''}"
            for kind, content in answer.get("content", {}).items()
        ]
        yield status, answer.get("description", ""), ", ".join(kinds)
