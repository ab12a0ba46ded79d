"""Untrusted text in messages, and what several of them say."""

TWO_MEANINGS = "the file has two meanings; load it where you trust it and save it again"


def shown(value: object) -> str:
    """Untrusted text as it may stand in a message: printable, on one line, short."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."
