"""One process of the service, where something else starts and restarts it: `python -m nc_tasks NAME`.

In a container there is no supervisor. The command lines are those of the embedded stack; settings come from the
environment. `python -m nc_tasks bucket` makes the bucket that the settings name, on an S3-compatible server of one's
own.
"""

import os
import sys
from typing import NoReturn

from nc_core.errors import CleanseError
from nc_tasks.embedded.commands import NAMES, command_of
from nc_tasks.files import open_artefacts
from nc_tasks.private import UMASK
from nc_tasks.settings import Settings, get_settings


def main(arguments: list[str]) -> int:
    """Become the process, or make the bucket; returns the exit code, 64 for a name that there is not."""
    if len(arguments) != 1 or arguments[0] not in (*NAMES, "bucket"):
        print(f"usage: python -m nc_tasks {'|'.join(NAMES)}|bucket", file=sys.stderr)
        return 64
    settings = get_settings()
    return make_bucket(settings) if arguments[0] == "bucket" else become(arguments[0], settings)


def become(name: str, settings: Settings) -> NoReturn:
    """Run the process of this name in place of this one."""
    command = command_of(name, settings)
    os.umask(UMASK)
    os.execve(command.arguments[0], command.arguments, {**os.environ, **command.environment})


def make_bucket(settings: Settings) -> int:
    """Make the bucket that the settings name where it is not there; returns the exit code."""
    from nc_tasks.files.bucket import S3Artefacts

    try:
        kept = open_artefacts(settings)
        if isinstance(kept, S3Artefacts):
            print("the bucket is new" if kept.make_bucket() else "the bucket is there")
    except CleanseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
