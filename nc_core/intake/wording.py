"""Untrusted text in messages."""


def shown(value: object) -> str:
    """Untrusted text as it may stand in a message: printable, on one line, short."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."
