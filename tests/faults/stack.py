"""The supervisor of the faults: the product's own processes, whose workers load `tests.faults.worker` beside."""

import sys
from dataclasses import replace

from nc_tasks.embedded import child
from nc_tasks.embedded.clients import Wanted
from nc_tasks.embedded.commands import Command, worker_commands
from nc_tasks.embedded.supervisor import main
from nc_tasks.settings import Settings

child.FIRST_PAUSE_SECONDS = child.LONGEST_PAUSE_SECONDS = 0.1  # here they die all the time


def commands(settings: Settings, wanted: Wanted) -> list[Command]:
    more = ("--include", "tests.faults.worker")
    return [
        replace(command, arguments=(*command.arguments, *more)) if "nc_tasks.worker" in command.arguments else command
        for command in worker_commands(settings, wanted)
    ]


if __name__ == "__main__":
    sys.exit(main(commands=commands))
