"""JSON of a model file: bounded in length and depth, finite numbers only, no key twice."""

import json
from typing import Any, NoReturn

from nc_core.errors import ModelRefused
from nc_core.intake.limits import JSON_CHARACTERS, JSON_DEPTH
from nc_core.intake.wording import shown


def parse(text: str, what: str) -> dict[str, Any]:
    """A JSON object; ModelRefused when it is none, too long, too deep, or holds NaN, Infinity or a key twice.

    Of two values of one key one reader takes the first and another the last.
    """
    if len(text) > JSON_CHARACTERS:
        raise ModelRefused(f"the {what} has {len(text):,} characters; the limit is {JSON_CHARACTERS:,}")
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_each_key_once)
    except RecursionError:
        raise ModelRefused(f"the {what} is nested too deeply; the limit is {JSON_DEPTH} levels") from None
    except ValueError as error:
        raise ModelRefused(f"the {what} is no valid JSON ({error}): save the model again") from None
    if not isinstance(value, dict):
        raise ModelRefused(f"the {what} is a JSON {type(value).__name__}, not an object: save the model again")
    depth = _depth(value)
    if depth > JSON_DEPTH:
        raise ModelRefused(f"the {what} is nested {depth} levels deep; the limit is {JSON_DEPTH}")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {shown(next(name for name in names if names.count(name) > 1))} stands twice")
    return found


def _depth(value: dict[str, Any]) -> int:
    """Levels of lists and objects, walked level by level so that no depth can exhaust the stack."""
    depth, level = 0, _containers([value])
    while level:
        depth += 1
        level = [inner for item in level for inner in _containers(item)]
    return depth


def _containers(item: dict[str, Any] | list[Any]) -> list[dict[str, Any] | list[Any]]:
    children = item.values() if isinstance(item, dict) else item
    return [child for child in children if isinstance(child, dict | list)]
