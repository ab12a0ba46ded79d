"""A scan as a section of a model card: Markdown between two marks, so that the next scan replaces it."""

import re
from collections.abc import Mapping
from typing import Any

from nc_core.results import scanned
from nc_core.results.names import all_named
from nc_core.results.numbers import MISSING, probability

BEGIN, END = "<!-- cleanse: begin -->", "<!-- cleanse: end -->"


def card_section(result: Mapping[str, Any]) -> str:
    """The section of a result.json with a verdict; it ends with a line break."""
    flagged = all_named(result, result["flagged_labels"]) if result["flagged_labels"] else "none"
    rows = {
        "Verdict": f"**{result['verdict']}**",
        "Why": _text(result["reason"]),
        "Flagged labels": _text(flagged),
        "p-value": f"{probability(result['p_value'])} (limit {result['threshold']:g})",
        "Submitted file, SHA-256": f"`{result['model']['sha256']}`",
        f"{scanned.SCANNED}, SHA-256": f"`{scanned.digest_of(result) or MISSING}`",
        "Judged": f"{result['judged_at']}, Cleanse {(result['versions'] or {}).get('cleanse', '')}".rstrip(),
    }
    table = "".join(f"| {name} | {text} |\n" for name, text in rows.items())
    about = f"{_text(scanned.about(result))}\n"
    uncovered = "".join(f"* {_text(attack)}\n" for attack in result["not_covered"])
    return (
        f"{BEGIN}\n## Backdoor scan\n\n| | |\n| --- | --- |\n{table}\n{about}\nThis verdict does not cover:\n\n"
        f"{uncovered}{END}\n"
    )


def merged(card: str, section: str) -> str:
    """The card with the section in the place of an earlier one, or at its end."""
    begin, end = card.find(BEGIN), card.rfind(END)
    if 0 <= begin < end:
        rest = card[end + len(END) :].removeprefix("\n")
        return f"{card[:begin]}{section}{rest}"
    return f"{card.rstrip()}\n\n{section}" if card.strip() else section


def _text(text: str) -> str:
    """Plain text: nothing in it, such as the name of a class, is a tag, a link or the end of a cell."""
    return re.sub(r"([\\`*_{}\[\]<>#|!~])", r"\\\1", " ".join(text.split()))
