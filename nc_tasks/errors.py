"""What can go wrong in the service, as one tree below nc_core's CleanseError.

CleanseError
├── NotFound            what was asked for does not exist
│   ├── NoSuchSubmission
│   ├── AmbiguousSubmission
│   └── MissingArtefact
├── WrongState          what was asked for cannot be done to something in its present state
├── KeyReused           an Idempotency-Key came again with another request
├── TookTooLong         a piece of work was stopped at its deadline
├── ArtefactsUnreachable  the bucket with the files does not answer, or refuses; an OSError too
├── StoreUnusable       the database cannot keep its promises where it lies
├── StoreClosed         something was to be written to a store that this process has closed
├── ExtraMissing        a setting asks for libraries that are not installed
└── StackFailed         the embedded broker or workers could not be started, stopped or kept alive
"""

from nc_core.errors import CleanseError


class NotFound(CleanseError):
    """Raised when something that was asked for by name does not exist."""


class NoSuchSubmission(NotFound):
    """Raised when no submission has this id."""


class AmbiguousSubmission(NotFound):
    """Raised when several submissions begin with the given letters of an id."""


class MissingArtefact(NotFound):
    """Raised when no file with this sha256 is stored."""


class WrongState(CleanseError):
    """Raised when what was asked for cannot be done to something in its present state."""


class KeyReused(CleanseError):
    """Raised when an Idempotency-Key that stands for one request comes with another."""


class TookTooLong(CleanseError):
    """Raised when a piece of work was stopped at its deadline."""


class ArtefactsUnreachable(CleanseError, OSError):
    """Raised when the files' bucket does not answer or refuses; like a disk that fails, it is no submission's fault."""


class StoreUnusable(CleanseError):
    """Raised when the database is of a kind, or lies in a place, where writes may be lost."""


class StoreClosed(CleanseError):
    """Raised when something is written to a store that this process has closed."""


class ExtraMissing(CleanseError):
    """Raised when a setting asks for libraries that are not installed."""


class StackFailed(CleanseError):
    """Raised when the embedded broker or workers could not be started, stopped or kept alive."""


def one_line(error: object) -> str:
    """An error as the one line that people read."""
    return " ".join(str(error).split())
