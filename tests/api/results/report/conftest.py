"""The report page, taken apart."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from nc_core.datasets import Images
from nc_core.results.report import render_report
from nc_core.results.triggers import TriggerArrays

Make = Callable[..., dict[str, Any]]
MakeTriggers = Callable[[dict[str, Any]], TriggerArrays]
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Elements with attributes, and the text outside <style>; fails where elements do not close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("td", "th", "dt", "dd", "p", "strong"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page(make_triggers: MakeTriggers, examples: Images) -> Callable[[dict[str, Any]], Page]:
    return lambda result: Page(render_report(result, make_triggers(result), examples, {}))


Render = Callable[[dict[str, Any]], Page]


def words(page: Page) -> str:
    return " ".join(page.text.split())
