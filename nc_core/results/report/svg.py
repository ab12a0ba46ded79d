"""Writes SVG as text, every value escaped; attributes have `_` for `-`: text_anchor, class_."""

from functools import cache

from markupsafe import Markup, escape

Value = str | float | int


def element(name: str, *children: str, **attributes: Value) -> Markup:
    """One element; children that are Markup stand as they are, plain strings are escaped."""
    written = "".join(f' {_name(key)}="{_value(value)}"' for key, value in attributes.items())
    inside = "".join(map(escape, children))
    return Markup(f"<{name}{written}>{inside}</{name}>")  # a chart of a thousand labels has five thousand of them


def drawing(width: float, height: float, name: str, *children: str, class_: str, description: str = "") -> Markup:
    """The outer element: scales with the page, and is one picture called `name` to a screen reader.

    description: what the picture shows, for those who do not see it.
    """
    described = [element("desc", description)] if description else []
    view = f"0 0 {width:g} {height:g}"
    return element("svg", *described, *children, class_=class_, viewBox=view, role="img", aria_label=name)


@cache
def _name(key: str) -> str:
    return key if key == "viewBox" else key.rstrip("_").replace("_", "-")


def _value(value: Value) -> str:
    if isinstance(value, str):
        return str(escape(value))
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
