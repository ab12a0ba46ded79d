"""What the child says where it cannot be locked in: no CleanseError, for the child loads nothing of this project.

Exception
└── Unconfined          this system cannot confine the reader
"""


class Unconfined(Exception):
    """Raised where this system cannot confine the reader; the text says what is missing."""
