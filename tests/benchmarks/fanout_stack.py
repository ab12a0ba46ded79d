"""The supervisor of `tests.benchmarks.fanout`: the product's own workers, told to load one module more."""

import sys
from dataclasses import replace

from nc_tasks.embedded.clients import Wanted
from nc_tasks.embedded.commands import Command, worker_commands
from nc_tasks.embedded.supervisor import main
from nc_tasks.settings import Settings


def commands(settings: Settings, wanted: Wanted) -> list[Command]:
    more = ("--include", "tests.benchmarks.fanout_worker")
    return [replace(command, arguments=(*command.arguments, *more)) for command in worker_commands(settings, wanted)]


if __name__ == "__main__":
    sys.exit(main(commands=commands))
