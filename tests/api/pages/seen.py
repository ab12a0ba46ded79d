"""A page as a browser without scripts sees it."""

from html.parser import HTMLParser

import httpx


class Seen(HTMLParser):
    """Elements of a page by name, and all its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}.items()
        return [found for name, found in self.elements if name == tag and wanted <= found.items()]


def look(browser: httpx.Client, address: str, *, status: int = 200) -> Seen:
    answer = browser.get(address)
    assert answer.status_code == status, answer.text
    return Seen(answer.text)
