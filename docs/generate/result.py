"""The reference of result.json, from the model that the HTTP API answers with."""

from docs.generate.http_api import document, link
from docs.generate.markdown import joined
from docs.generate.schemas import fields, references

INTRODUCTION = """\
What `cleanse run` writes as `result.json`, and the HTTP API answers with. This is schema 1: later versions may add
keys, and none changes the meaning of a key that is there. Generated from the code.
"""


def page() -> str:
    """The page on this version's result.json."""
    schemas = document()["components"]["schemas"]
    lines = ["# result.json", "", INTRODUCTION]
    told, waiting = set[str](), ["Result"]
    while waiting:
        name = waiting.pop(0)
        if name not in told:
            told.add(name)
            waiting += references(schemas[name])
            lines += [f"## {name}", "", schemas[name].get("description", ""), "", *fields(schemas[name], link), ""]
    return joined(*lines)
