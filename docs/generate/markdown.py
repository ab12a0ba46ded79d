"""The few pieces of Markdown that the generated pages are made of."""

import re
from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table. rows: cells in the order of the columns."""
    lines = [columns, ["---"] * len(columns), *([cell(text) for text in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def cell(text: str) -> str:
    """One line in which no bar ends the cell."""
    return plain(text).replace("|", "&#124;")


def plain(text: str) -> str:
    """One line in which nothing but code and links is markup: `<` outside of code starts no tag."""
    parts = re.split(r"(`[^`]*`|</?code>)", " ".join(text.split()))
    return "".join(part if part.startswith(("`", "<code>", "</code>")) else part.replace("<", "&lt;") for part in parts)


def code(text: str) -> str:
    """As code; nothing for an empty text. A bar inside stays a bar."""
    return f"<code>{text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}</code>" if text else ""


def definition(term: str, text: str) -> list[str]:
    """A term and what it means."""
    return [code(term), f":   {plain(text) or '&nbsp;'}", ""]


def joined(*lines: str) -> str:
    """The text of a whole page."""
    return "\n".join(lines).rstrip() + "\n"
