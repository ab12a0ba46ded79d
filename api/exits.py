"""What the command says with its exit code."""

from enum import IntEnum

from nc_core.errors import CleanseError, InputRefused
from nc_tasks.errors import NotFound, WrongState


class ExitCode(IntEnum):
    """The contract of the command line."""

    CLEAN = 0
    FAILED = 1
    REFUSED = 2
    BACKDOORED = 3
    INCONCLUSIVE = 4
    USAGE = 64
    INTERRUPTED = 130


VERDICTS = {
    "clean": ExitCode.CLEAN,
    "backdoored": ExitCode.BACKDOORED,
    "inconclusive": ExitCode.INCONCLUSIVE,
}


def exit_code_of(error: CleanseError) -> ExitCode:
    """Refused where the input is at fault, failed otherwise."""
    return ExitCode.REFUSED if isinstance(error, InputRefused | NotFound | WrongState) else ExitCode.FAILED
