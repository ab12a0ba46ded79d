"""What the child says where it cannot be locked in."""


class Unconfined(Exception):
    """Raised where this system cannot confine the reader; the text says what is missing."""
