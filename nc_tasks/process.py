"""One process of the service, where something else starts and restarts it: `python -m nc_tasks.process NAME`.

In a container there is no supervisor. The command lines are those of the embedded stack; settings come from the
environment.
"""

import os
import sys
from typing import NoReturn

from nc_tasks.embedded.clients import Wanted
from nc_tasks.embedded.commands import Command, default_slots, worker_commands
from nc_tasks.private import UMASK
from nc_tasks.settings import Settings, get_settings

NAMES = ("labels", "control", "sweeper", "api", "flower")


def command_of(name: str, settings: Settings) -> Command:
    """The process of this name: `labels` is one label worker with the machine for itself."""
    wanted = Wanted(
        workers=1,
        slots=settings.worker_slots or default_slots(),
        service=(settings.api_host, settings.api_port),
    )
    commands = {command.name.removesuffix("1"): command for command in worker_commands(settings, wanted)}
    return commands[name]


def main(arguments: list[str]) -> NoReturn:
    """Become the process; leaves with 64 for a name that there is not."""
    if len(arguments) != 1 or arguments[0] not in NAMES:
        print(f"usage: python -m nc_tasks.process {'|'.join(NAMES)}", file=sys.stderr)
        sys.exit(64)
    command = command_of(arguments[0], get_settings())
    os.umask(UMASK)
    os.execve(command.arguments[0], command.arguments, {**os.environ, **command.environment})


if __name__ == "__main__":
    main(sys.argv[1:])
