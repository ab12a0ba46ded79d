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


class Leave(Exception):
    """Raised by a command to end with this code, where that may be 2: typer's own exit with 2 is a usage error."""

    def __init__(self, code: ExitCode) -> None:
        super().__init__(code)
        self.code = code


VERDICTS = {
    "clean": ExitCode.CLEAN,
    "backdoored": ExitCode.BACKDOORED,
    "inconclusive": ExitCode.INCONCLUSIVE,
}


def exit_code_of(error: CleanseError) -> ExitCode:
    """Refused where the input is at fault, failed otherwise."""
    return ExitCode.REFUSED if isinstance(error, InputRefused | NotFound | WrongState) else ExitCode.FAILED
